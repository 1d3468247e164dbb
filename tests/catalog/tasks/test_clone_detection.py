import re
from dataclasses import replace

from coma_cli.catalog.tasks import clone_detection
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
        "instruction": "Here are two Java functions. Do they perform the same task? Answer yes or no.",
        "input": "Function 1:\nint a() {}\n\nFunction 2:\nint b() {}",
        "output": "no",
        "licence": "C-UDA-1.0",
        "origin": {"path": "x.txt", "row": "1", "lines": None, "url": "", "split": "train", "detail": ""},
        "made_by": "build-data; weak-label",
    }
    clones = made("clone-detection", replace(PAIR, clones=True, weak=False))
    assert (clones.output, clones.made_by) == ("yes", "build-data")


def test_clones_are_not_said_to_be_interchangeable():
    """BigCloneBench's yes means the same functionality, no more."""
    equivalence = re.compile(r"equivalent|identical|behav|interchang|stand in for|等价|行为|替代|替换", re.IGNORECASE)
    for language in ("en", "cn"):
        assert not [wording for wording in clone_detection.WORDINGS[language] if equivalence.search(wording)]
