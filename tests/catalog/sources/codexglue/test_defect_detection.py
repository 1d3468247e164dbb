import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import JudgedFunction
from coma_cli.catalog.sources.codexglue.defect_detection import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from coma_cli.syntax.code_layout import outdent, undouble_lines
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

HASH = "32bf6550cb9cc9f487a6722fe2bfc272a93c1065"
RAW = [
    {"project": "FFmpeg", "commit_id": HASH, "target": 0, "func": "int a(void)\n\n{\n\n    return 1;\n\n}\n"},
    {"project": "qemu", "commit_id": HASH, "target": 1, "func": "int b(void)\n{\n    return 2;\n}\n"},
    {"project": "other", "commit_id": HASH, "target": 2, "func": "int c(void);"},
    {"project": "qemu", "commit_id": HASH, "target": 1, "func": None},
    7,
]
HUB = {"id": "int32", "func": "string", "target": "bool", "project": "string", "commit_id": "string"}
A = JudgedFunction(
    language="c",
    code="int a(void)\n{\n    return 1;\n}",
    defective=False,
    licence="C-UDA-1.0",
    origin=Origin(
        path="dataset/train.txt", row="idx 0", url=f"https://github.com/FFmpeg/FFmpeg/commit/{HASH}", split="train"
    ),
)


def test_indexes_point_into_the_functions_or_are_rejected(tmp_path):
    put(tmp_path / "dataset" / "function.json", RAW)
    put(tmp_path / "dataset" / "train.txt", "1\n0\n5\n1\n2\n\n3\nx\n-1\n4")
    found = read(SOURCE, tmp_path)
    assert [(m.origin.row, m.defective) for m in good(found)] == [("idx 1", True), ("idx 0", False)]
    assert good(found)[1] == A
    assert dropped(found) == [
        ("index-past-end", "line 3"),
        ("duplicate-id", "line 4"),
        ("broken-row", "idx 2"),
        ("broken-row", "idx 3"),
        ("broken-row", "line 8"),
        ("broken-row", "line 9"),
        ("broken-row", "line 10"),
    ]


def test_rows_written_by_the_publishers_script_take_precedence_over_indexes(tmp_path):
    put(tmp_path / "function.json", RAW)
    put(tmp_path / "train.txt", "0\n")
    put(tmp_path / "test.txt", "1\n")
    put(tmp_path / "test.jsonl", [{**RAW[1], "idx": 4}, {**RAW[0], "idx": 4}])
    assert [shard.name for shard in SOURCE.find(tmp_path)] == ["test.jsonl", "train.txt"]
    assert dropped(read(SOURCE, tmp_path, "test")) == [("duplicate-id", "2")]
    assert [m.origin.row for m in good(read(SOURCE, tmp_path, "test"))] == ["idx 4"]


def test_an_index_file_needs_its_functions(tmp_path):
    path = put(tmp_path / "train.txt", "0\n")
    with pytest.raises(BrokenSourceError, match=r"no function.json beside it"):
        read(SOURCE, tmp_path)
    put(tmp_path / "function.json", '{"func": "a"}')
    with pytest.raises(BrokenSourceError, match="not a whole JSON array"):
        read(SOURCE, tmp_path)
    put(tmp_path / "function.json", RAW)
    assert good(read(SOURCE, path))[0].code == A.code
    path.write_text("")
    with pytest.raises(BrokenSourceError, match="holds no indexes"):
        read(SOURCE, path)


def test_functions_that_lost_lines_are_dropped(tmp_path):
    cut = {
        "project": "qemu",
        "commit_id": HASH,
        "target": 1,
        "func": "int b(int a)\n{\n    if (a) {\n        c();\n}\n",
    }
    put(tmp_path / "train.jsonl", [{**RAW[0], "idx": 1}, {**cut, "idx": 2}, {**cut, "func": "b(void)\n{\n}", "idx": 3}])
    found = read(SOURCE, tmp_path)
    assert [m.origin.row for m in good(found)] == ["idx 1"]
    assert dropped(found) == [("cut-function", "idx 2"), ("cut-function", "idx 3")]


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    put(tmp_path / "raw" / "function.json", RAW)
    put(tmp_path / "raw" / "valid.txt", "0\n1\n")
    archive = zipped(tmp_path / "raw", tmp_path / "dataset.zip")
    assert [m.defective for m in read(SOURCE, archive, "validation")] == [False, True]


def test_the_hub_format_gives_the_same_functions(tmp_path):
    rows = [{**row, "id": n, "target": bool(row["target"])} for n, row in enumerate(RAW[:2])]
    put_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", rows, HUB)
    first, second = read(SOURCE, tmp_path)
    assert (first.code, first.defective, first.origin.row) == (A.code, False, "idx 0")
    assert (second.code, second.defective) == ("int b(void)\n{\n    return 2;\n}", True)


def test_doubled_line_ends_become_single():
    assert undouble_lines("a\n\n\n\nb\n\nc\n") == "a\n\nb\nc"
    assert undouble_lines("a\n\nb\n\nc\n\nd\ne\n\nf") == "a\nb\nc\nd\ne\nf"  # a slip among many
    assert undouble_lines("a\n\nb\nc\nd") == "a\n\nb\nc\nd"
    assert undouble_lines("one line") == "one line"


@given(st.lists(st.text("ab {}", max_size=5), min_size=1, max_size=12))
def test_undoubling_undoes_doubling(lines):
    code = "\n".join(lines).strip("\n")
    assert undouble_lines(code.replace("\n", "\n\n")) == code


@given(st.lists(st.text(" \tab", max_size=6), min_size=1, max_size=8))
def test_outdenting_removes_one_indentation_from_all_lines_or_none(lines):
    code = "\n".join(lines).strip("\n").rstrip()
    out = outdent(code).split("\n")
    taken = {len(before) - len(after) for before, after in zip(code.split("\n"), out, strict=True) if before.strip()}
    assert len(taken) <= 1
    assert [line.strip() for line in out] == [line.strip() for line in code.split("\n")]


def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "dataset/test.jsonl": (1427, 73),
        "dataset/train.txt": (4, 21850),
        "dataset/valid.txt": (0, 2732),
    }
    found = good(read(SOURCE, place, "test"))
    assert sum(m.defective for m in found) == 676
    assert len({m.origin.row for m in found}) == 1427
    first = found[0]
    assert (first.origin.row, first.defective) == ("idx 3", False)
    assert first.origin.url == f"https://github.com/FFmpeg/FFmpeg/commit/{HASH}"
    assert first.code.startswith(
        "int ff_get_wav_header(AVFormatContext *s, AVIOContext *pb,\n"
        "                      AVCodecContext *codec, int size, int big_endian)\n{\n    int id;\n"
        "    uint64_t bitrate;\n\n    if (size < 14) {\n"
    )
    assert max(len(m.code) for m in found) < 142_292
    doubled = [m for m in found if "\n" in m.code and "\n" not in m.code.replace("\n\n", "")]
    assert len(doubled) < 10
    assert {reason for reason, _ in dropped(read(SOURCE, place, "train"))} == {"index-past-end"}
