from dataclasses import replace

from tests.catalog.tasks.materials import PAIR, made


def test_golden_clone_detection():
    row = made("clone-detection", PAIR)
    assert row.to_row() == {
        "schema_version": 1,
        "id": "b7becf52e536500ea52e",
        "task": "clone-detection",
        "source": "test",
        "language": "java",
        "text_language": "en",
        "instruction": "Here are two Java functions. Could one stand in for the other? Say yes or no.",
        "input": "Function 1:\nint a() {}\n\nFunction 2:\nint b() {}",
        "output": "no",
        "licence": "C-UDA-1.0",
        "origin": {"path": "x.txt", "row": "1", "lines": None, "url": "", "split": "train", "detail": ""},
        "made_by": "build-data; weak-label",
    }
    clones = made("clone-detection", replace(PAIR, clones=True, weak=False))
    assert (clones.output, clones.made_by) == ("yes", "build-data")
