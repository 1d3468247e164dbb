import gzip

import pytest

from coma_cli.catalog.material import Snippet
from coma_cli.catalog.sources import codecapybara_generated as generated
from coma_cli.catalog.sources import codecapybara_seed as seed
from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import make_example
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import FORMS, lines, reasons, write, write_form, write_zip
from tests.requirements import shared_data

SEEDS = [{"id": 4, "code": "def a():\r\n    return 1\n"}, {"code": "def b(): pass"}, {"id": 4, "code": "def c(): pass"}]


def layout(folder):
    write(folder / "python" / "train.jsonl", lines(SEEDS))
    write(folder / "python" / "final" / "extract_function_train.jsonl", lines([{"code": "not read"}]))
    write(folder / "c" / "final" / "extract_function_train.jsonl", lines([{"id": 4, "code": "int f;"}]))
    write(folder / "csharp" / "train.jsonl.gz", gzip.compress(lines([{"code": None}, {"code": " "}]).encode()))
    write(folder / "cobol" / "train.jsonl", lines([{"code": "MOVE"}]))
    return folder


def test_one_file_per_language_and_missing_ones_are_skipped(tmp_path):
    found = read(seed.SOURCE, layout(tmp_path))
    assert [(e.language, e.code) for e in good(found)] == [
        ("python", "def a():\n    return 1"),
        ("python", "def b(): pass"),
        ("c", "int f;"),
    ]
    assert reasons(found) == [
        ("duplicate-id", "id 4 was there before"),
        ("broken-row", "code is not a string"),
        ("empty-code", ""),
    ]


def test_the_layout_in_an_archive(tmp_path):
    write_zip(tmp_path / "seed.zip", {"seed/python/train.jsonl": lines(SEEDS), "seed/go/train.jsonl": lines(SEEDS)})
    assert [s.language for s in seed.find(tmp_path / "seed.zip")] == ["python", "go"]
    assert len(good(read(seed.SOURCE, tmp_path))) == 4


def test_seed_code_gives_line_completion_rows():
    code = 'def mean(values):\n    """Mean."""\n    total = sum(values)\n    return total / len(values)'
    snippet = Snippet("python", code, "MIT", Origin(path="python/train.jsonl", row="1"))
    row = make_example(TASKS["line-completion"], snippet, "codecapybara_seed", 0)
    assert row.input.startswith("def mean(values):\n    total") or row.output == "total = sum(values)"
    assert "Mean." not in row.input
    assert make_example(TASKS["line-completion"], Snippet("go", "no code", "MIT", Origin()), "x", 0) is None


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


def made(number, **changes):
    """A row of generated_data.jsonl, which was never published: this follows the generator's code."""
    row = {
        "id": number,
        "code": "def add(a, b):\n    return a + b",
        "language": "python",
        "instruction": "Write a Python function that adds. ",
        "pass_1st": True,
        "pass_1st_reason": "",
        "gen_code": "def add(a, b):\n    return a + b\n",
        "pass_2nd": True,
        "pass_2nd_reason": "",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}


ROWS = [
    made(1),
    made(2, pass_1st=False, pass_1st_reason="length", pass_2nd=False, pass_2nd_reason="not_pass_1st", gen_code=""),
    made(3, pass_2nd=False, pass_2nd_reason="cutoff"),
    made(4, pass_2nd="exceed_max_tokens", pass_2nd_reason=..., gen_code="x"),
    made(5, pass_1st=False, pass_1st_reason=..., pass_2nd=False, pass_2nd_reason="not_pass_1st", instruction=""),
    made(6, gen_code="```python\nimport os\n```"),
    made(7, gen_code="```python\nimport os"),
    made(8, gen_code=" "),
    made(9, gen_code=None),
    made(1),
    made(None, language="cpp", gen_code="int main() {}"),
    made(None, language="golang", gen_code="package main"),
]


@pytest.mark.parametrize("form", [form for form in FORMS if form != "parquet"])
def test_both_flags_must_be_true(tmp_path, form):
    write_form(form, tmp_path, "generated_data", ROWS)
    found = read(generated.SOURCE, tmp_path)
    assert [(e.language, e.instruction, e.input, e.output) for e in good(found)] == [
        ("python", "Write a Python function that adds.", "", "def add(a, b):\n    return a + b"),
        ("python", "Write a Python function that adds.", "", "import os"),
        ("cpp", "Write a Python function that adds.", "", "int main() {}"),
        ("go", "Write a Python function that adds.", "", "package main"),
    ]
    assert reasons(found) == [
        ("failed-upstream", "round 1st: length"),
        ("failed-upstream", "round 2nd: cutoff"),
        ("failed-upstream", "round 2nd: exceed_max_tokens"),
        ("failed-upstream", "round 1st: no reason given"),
        ("cut-answer", "a fenced block is never closed"),
        ("empty-output", ""),
        ("broken-row", "instruction or gen_code is not a string"),
        ("duplicate-id", "id 1 was there before"),
    ]


def test_parquet_of_the_same_columns(tmp_path):
    write_form("parquet", tmp_path, "generated_data", ROWS[:1])
    assert [e.output for e in read(generated.SOURCE, tmp_path)] == ["def add(a, b):\n    return a + b"]
