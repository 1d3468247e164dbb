import pytest

from coma_cli.catalog.material import ContestSolution
from coma_cli.catalog.sources import code_contests
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.contests import TESTS, problem
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import lines, reasons, without_places, write, write_parquet, write_zip
from tests.requirements import shared_data

EVERY_LANGUAGE = [
    (0, "unknown"),
    (2, "int main() {}\r\n"),
    (1, "print 1"),
    (2, "int main() { return 0; }"),
    (3, "  \n"),
    (3, "print(1)\n"),
    (4, "class A {}"),
    (3, "print(2)"),
]
ROWS = [
    problem("1_A. Sum", EVERY_LANGUAGE, time_limit=None),
    problem("2_B. Picture", [(3, "print(1)")], description="Given <image> numbers, add them."),
    problem("3_C. Files", [(3, "print(1)")], input_file="input.txt"),
    problem("4_D. Nobody", [(0, "x"), (9, "y"), (3, "")]),
    problem("5_E. Empty", [(3, "print(1)")], description=" "),
    problem("6_F. Null", [(3, "print(1)")], description=None),
    problem("1_A. Sum", [(3, "print(3)")]),
    problem("1_A. Sum", [(3, "print(4)")], source=5),
    problem(
        "7_G. Translated",
        [(4, "class B {}")],
        description="Count them.",
        is_description_translated=True,
        untranslated_description="Сосчитайте их.",
    ),
]


def test_the_first_correct_program_in_each_language(tmp_path):
    write_parquet(tmp_path / "data" / "train-00000-of-00039-e991a271dbfa9925.parquet", ROWS)
    found = read(code_contests.SOURCE, tmp_path)
    assert [(e.name, e.language, e.solution) for e in good(found)] == [
        ("1_A. Sum", "cpp", "int main() {}"),
        ("1_A. Sum", "python2", "print 1"),
        ("1_A. Sum", "python", "print(1)"),
        ("1_A. Sum", "java", "class A {}"),
        ("1_A. Sum", "python", "print(4)"),
        ("7_G. Translated", "java", "class B {}"),
    ]
    assert reasons(found) == [
        ("incomplete-statement", "formulas are images (<image>)"),
        ("not-standard-io", "programs read or write files that the statement may not name"),
        ("no-solution", "no correct program in a known language"),
        ("empty-statement", ""),
        ("broken-row", "description is not a string"),
        ("duplicate-id", "2, 1_A. Sum"),
    ]
    assert good(found)[0] == ContestSolution(
        language="cpp",
        name="1_A. Sum",
        statement="Add two numbers.\nThis is 1_A. Sum.",
        solution="int main() {}",
        licence="CC-BY-4.0",
        origin=Origin(path="data/train-00000-of-00039-e991a271dbfa9925.parquet", row="1_A. Sum (cpp)", split="train"),
    )
    assert good(found)[-1].statement == "Count them."


def test_python_2_is_never_python(tmp_path):
    write_parquet(tmp_path / "train-0.parquet", [problem("a", [(1, "print 1"), (1, "print 2")])])
    assert [e.language for e in read(code_contests.SOURCE, tmp_path)] == ["python2"]


def test_splits_come_from_the_names(tmp_path):
    for name in ("train-00000-of-00001.parquet", "valid-00000-of-00001.parquet", "test-00000-of-00001.parquet"):
        write_parquet(tmp_path / "data" / name, [problem(name, [(3, "print(1)")])])
    shards = code_contests.find(tmp_path)
    assert [(s.name.split("/")[1][:4], s.split) for s in shards] == [
        ("test", "test"),
        ("trai", "train"),
        ("vali", "validation"),
    ]
    assert [e.origin.split for e in read(code_contests.SOURCE, tmp_path)] == ["test", "train", "validation"]


def test_objects_give_the_same_as_columns_of_lists(tmp_path):
    def as_objects(row):
        codes, texts = row["solutions"]["language"], row["solutions"]["solution"]
        named = {1: "PYTHON", 2: "CPP", 3: "PYTHON3", 4: "JAVA", 0: "UNKNOWN_LANGUAGE"}
        pairs = zip(codes, texts, strict=True)
        return {**row, "solutions": [{"language": named.get(c, c), "solution": t} for c, t in pairs]}

    write_parquet(tmp_path / "hub" / "train-0.parquet", ROWS)
    write(tmp_path / "raw" / "code_contests_train.jsonl", lines(map(as_objects, ROWS)))
    write_zip(tmp_path / "zip" / "all.zip", {"code_contests_train.jsonl": lines(map(as_objects, ROWS))})
    hub, raw, packed = (read(code_contests.SOURCE, tmp_path / form) for form in ("hub", "raw", "zip"))
    assert without_places(hub) == without_places(raw) == without_places(packed)
    assert reasons(hub) == reasons(raw)


@pytest.mark.parametrize(
    "solutions",
    [
        None,
        [],
        "x",
        {"language": [1]},
        {"language": [1, 2], "solution": ["x"]},
        [3],
        {"language": None, "solution": None},
    ],
)
def test_solutions_in_another_format_give_no_rows(tmp_path, solutions):
    row = {**problem("a", []), "solutions": solutions}
    found = read(code_contests.SOURCE, write(tmp_path / "x.jsonl", lines([row])))
    assert [reason for reason, _ in reasons(found)] in (["broken-row"], ["no-solution"])
    assert not good(found)


@pytest.mark.parametrize("name", ["code_contests_train.riegeli-00000-of-00128", "code_contests_valid.riegeli"])
def test_riegeli_files_are_rejected_with_the_alternative(tmp_path, name):
    place = write(tmp_path / name, b"\x83\xaf\x70\xd1").parent
    for at in (place, place / name):
        with pytest.raises(BrokenSourceError, match="Riegeli") as error:
            read(code_contests.SOURCE, at)
        assert "deepmind/code_contests" in error.value.hint


def test_parquet_next_to_riegeli_is_read(tmp_path):
    write(tmp_path / "code_contests_valid.riegeli", b"x")
    write_parquet(tmp_path / "train-0.parquet", [problem("a", [(3, "print(1)")])])
    assert len(read(code_contests.SOURCE, tmp_path)) == 1


def test_a_file_without_a_column_names_all_that_it_has(tmp_path):
    rows = [{"name": "a", "description": "x", "private_tests": TESTS}]
    with pytest.raises(BrokenSourceError, match="solutions; it has description, name, private_tests"):
        read(code_contests.SOURCE, write_parquet(tmp_path / "train-0.parquet", rows).parent)


def test_only_the_needed_columns_are_read(tmp_path):
    write_parquet(tmp_path / "train-0.parquet", ROWS)
    (shard,) = code_contests.find(tmp_path)
    rows = [row for _, row in code_contests.read_table(shard, code_contests.COLUMNS, extent=code_contests.EXTENT)]
    assert set(rows[0]) == {"name", "description", "solutions", "source", "input_file", "output_file"}


def test_another_projects_format_is_not_mistaken_for_the_hubs():
    assert code_contests.find(shared_data() / "code_contests") == []
