import gzip

from coma_cli.catalog.material import Snippet
from coma_cli.catalog.sources import codecapybara_seed as seed
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import lines, reasons, write, write_zip
from tests.requirements import shared_data

SEEDS = [{"id": 4, "code": "def a():\r\n    return 1\n"}, {"code": "def b(): pass"}, {"id": 4, "code": "def c(): pass"}]


def layout(folder):
    write(folder / "python" / "train.jsonl", lines(SEEDS))
    write(folder / "python" / "final" / "extract_function_train.jsonl", lines([{"code": "not read"}]))
    write(folder / "c" / "final" / "extract_function_train.jsonl", lines([{"id": 4, "code": "int f;"}]))
    write(folder / "csharp" / "train.jsonl.gz", gzip.compress(lines([{"code": None}, {"code": " "}]).encode()))
    write(folder / "cobol" / "train.jsonl", lines([{"code": "MOVE"}]))
    return folder


def test_one_file_a_language_and_absent_ones_are_just_absent(tmp_path):
    found = read(seed.SOURCE, layout(tmp_path))
    assert [(e.language, e.code) for e in good(found)] == [
        ("python", "def a():\n    return 1"),
        ("python", "def b(): pass"),
        ("c", "int f;"),
    ]
    assert reasons(found) == [
        ("duplicate-id", "id 4 is a duplicate"),
        ("broken-row", "code is not a string"),
        ("empty-code", ""),
    ]


def test_the_layout_in_an_archive(tmp_path):
    write_zip(tmp_path / "seed.zip", {"seed/python/train.jsonl": lines(SEEDS), "seed/go/train.jsonl": lines(SEEDS)})
    assert [s.language for s in seed.find(tmp_path / "seed.zip")] == ["python", "go"]
    assert len(good(read(seed.SOURCE, tmp_path))) == 4


def test_seed_code_feeds_line_completion_by_its_grammar():
    code = 'def mean(values):\n    """Mean."""\n    total = sum(values)\n    return total / len(values)'
    snippet = Snippet("python", code, licence="MIT", origin=Origin(path="python/train.jsonl", row="1"))
    row = make_example(TASKS["line-completion"], snippet, "codecapybara_seed", 0)
    assert (row.input, row.output) == ("def mean(values):\n    total = sum(values)", "return total / len(values)")
    assert (
        make_example(TASKS["line-completion"], Snippet("go", "no code", licence="MIT", origin=Origin()), "x", 0) is None
    )


def test_the_real_seed_layout():
    by_file = {s.name: list(seed.read(s)) for s in seed.find(shared_data() / "codecapybara_seed")}
    assert {name: len(good(rows)) for name, rows in by_file.items()} == {
        "python/train.jsonl": 60,
        "go/train.jsonl": 6,
        "java/train.jsonl": 6,
        "javascript/train.jsonl": 6,
        "ruby/train.jsonl": 40,
        "php/train.jsonl": 6,
        "c/final/extract_function_train.jsonl": 40,
        "csharp/train.jsonl": 40,
    }
    assert not reasons([e for rows in by_file.values() for e in rows])
    assert not [row for row in by_file["c/final/extract_function_train.jsonl"] if ")\n\n{" in row.code]
    assert by_file["csharp/train.jsonl"][0] == Snippet(
        language="csharp",
        code="public override void Serialize(ILittleEndianOutput out1){out1.WriteShort(field_1_vcenter);}",
        licence="unknown (that of each function's repository)",
        origin=Origin(path="csharp/train.jsonl", row="1", split="train"),
    )
