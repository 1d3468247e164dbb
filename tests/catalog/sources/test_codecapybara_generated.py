import pytest

from coma_cli.catalog.sources import codecapybara_generated as generated
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.generated import made
from tests.catalog.sources.row_forms import FORMS, reasons, write_form

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
def test_both_flags_have_to_be_true(tmp_path, form):
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
        ("duplicate-id", "id 1 is a duplicate"),
    ]


def test_parquet_of_the_same_columns(tmp_path):
    write_form("parquet", tmp_path, "generated_data", ROWS[:1])
    assert [e.output for e in read(generated.SOURCE, tmp_path)] == ["def add(a, b):\n    return a + b"]
