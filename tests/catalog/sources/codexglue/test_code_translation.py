import gzip

import pytest

from coma_cli.catalog.material import Translation
from coma_cli.catalog.sources.codexglue.code_translation import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read
from tests.requirements import shared_data

JAVA, CSHARP, BACK = "int b() {return 10;}", "int B(){return 10;}", "int a() {return 10;}"
CSHARP_BACK = "int A(){return 10;}"


def test_a_pair_is_used_in_one_direction_that_depends_on_its_text(tmp_path):
    put(tmp_path / "train.java-cs.txt.java", f"{JAVA}\n{BACK}\n{JAVA}\n")
    put(
        tmp_path / "train.java-cs.txt.cs.gz",
        gzip.compress(f"{CSHARP}\r\n{CSHARP_BACK}\r\nlong B() {{return 10;}}\n".encode()),
    )

    def at(row):
        return Origin(path="train.java-cs.txt.java", row=row, split="train")

    assert read(SOURCE, tmp_path) == [
        Translation("java", JAVA, "csharp", CSHARP, False, licence="C-UDA-1.0", origin=at("1")),
        Translation("csharp", CSHARP_BACK, "java", BACK, False, licence="C-UDA-1.0", origin=at("2")),
        Translation("java", JAVA, "csharp", "long B() {return 10;}", False, licence="C-UDA-1.0", origin=at("3")),
    ]


def test_separators_inside_of_a_line_do_not_shift_the_pairs(tmp_path):
    put(
        tmp_path / "test.java-cs.txt.java",
        "int a() {return 10;\u2028}\nint b() {return 10;\x0c}\nint c() {return 10;}\x85\n",
    )
    put(tmp_path / "test.java-cs.txt.cs", "int A(){return 10;}\nint B(){return 10;}\nint C(){return 10;}\n")
    assert [{m.code, m.target_code} for m in read(SOURCE, tmp_path)] == [
        {"int a() {return 10;\u2028}", "int A(){return 10;}"},
        {"int b() {return 10;\x0c}", "int B(){return 10;}"},
        {"int c() {return 10;}\x85", "int C(){return 10;}"},
    ]


@pytest.mark.parametrize(
    ("java", "csharp", "reason"),
    [
        ("int a( ) {return b;}", "int a(){return  b;}", "same-text"),
        (JAVA, "int B(){throw new System.NotImplementedException();}", "not-a-port"),
        ('String a() {return "b";}', 'string A(){return "c";}', "not-a-port"),
        (JAVA, "int B(){}", "not-a-port"),
    ],
)
def test_pairs_that_are_no_translation_are_dropped(tmp_path, java, csharp, reason):
    put(tmp_path / "train.java-cs.txt.java", f"{java}\n")
    put(tmp_path / "train.java-cs.txt.cs", f"{csharp}\n")
    assert dropped(read(SOURCE, tmp_path)) == [(reason, "1")]


def test_unequal_numbers_of_lines_break_the_source(tmp_path):
    put(tmp_path / "train.java-cs.txt.java", "a\nb\n")
    put(tmp_path / "train.java-cs.txt.cs", "a\n")
    with pytest.raises(BrokenSourceError, match=r"java has 2 lines, .*cs has 1"):
        read(SOURCE, tmp_path)


def test_the_hub_format_gives_the_same_pairs(tmp_path):
    rows = [{"id": 0, "java": f"{JAVA}\n", "cs": f"{CSHARP}\n"}, {"id": 1, "java": "", "cs": "x"}]
    types = {"id": "int32", "java": "string", "cs": "string"}
    put_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", rows, types)
    found = read(SOURCE, tmp_path)
    assert [(m.code, m.target_code, m.origin.split) for m in good(found)] == [
        (JAVA, CSHARP, "train"),
    ]
    assert dropped(found) == [("broken-row", "2")]


@pytest.mark.slow
def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "data/test.java-cs.txt.java": (274, 326),
        "data/train.java-cs.txt.java": (2770, 3230),
        "data/valid.java-cs.txt.java": (139, 161),
    }
    found = read(SOURCE, place, "train")
    assert 1300 < sum(m.language == "java" for m in good(found)) < 1500
    words = next(
        m for m in good(found) if m.code.startswith("public void serialize(LittleEndianOutput out) {out.writeShort")
    )
    assert words.target_code.startswith("public override void Serialize(ILittleEndianOutput out1){out1.WriteShort")
    texts = [f"{m.code} {m.target_code}" for m in good(found)]
    assert not [text for text in texts if text.count("throw new System.NotImplementedException") == 1]
