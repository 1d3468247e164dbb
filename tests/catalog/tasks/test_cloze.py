from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.tasks import cloze
from tests.catalog.tasks.materials import CAP, CAP_CODE, CLOZE, made


def test_golden_cloze_of_upstream():
    row = made("cloze-test", CLOZE)
    assert (row.id, row.instruction) == (
        "369aa24171f3f08e2e2f",
        "Read the Go code and name the word that <mask> hides.",
    )
    assert (row.input, row.output) == ("Cap it .\n\nreturn <mask> ( a )\n\nChoices: max, min", "min")
    assert made("cloze-test", replace(CLOZE, description="", choices=())).input == "return <mask> ( a )"


def test_golden_cloze_of_a_function():
    rows = [made("cloze-test", CAP, seed) for seed in range(20)]
    assert {(row.input, row.output) for row in rows} == {
        (
            f"Note the largest row.\n\n{CAP_CODE.replace('rows.append', 'rows.<mask>')}\n\n"
            "Choices: append, extend, insert, remove",
            "append",
        ),
        (f"Note the largest row.\n\n{CAP_CODE.replace('max(rows)', '<mask>(rows)')}\n\nChoices: max, min", "max"),
    }


def test_nothing_is_masked_where_there_is_nothing_to_choose_from():
    assert made("cloze-test", replace(CAP, code="def cap(rows, top):\n    return rows")) is None
    assert made("cloze-test", replace(CAP, code=f"{CAP_CODE}  # <mask>")) is None
    only_text = 'def max(rows):\n    """min"""\n    return "max"  # max'
    assert made("cloze-test", replace(CAP, header="def max(rows):", code=only_text)) is None


def test_every_choice_is_found_again_in_its_list():
    for choices in cloze.CHOICES:
        assert len(set(choices)) == len(choices) >= 2
    assert cloze.CHOICES[0] == ("max", "min")


@given(st.integers(0, 10**6))
def test_unmasking_gives_the_function_back(seed):
    row = made("cloze-test", CAP, seed)
    code = row.input.removeprefix("Note the largest row.\n\n").rpartition("\n\n")[0]
    assert code.count("<mask>") == 1
    assert code.replace("<mask>", row.output) == CAP_CODE
    assert row.output in row.input.rpartition("Choices: ")[2].split(", ")


@pytest.mark.parametrize(
    ("summary", "line", "answer"),
    [
        ("Draw a box.", "box(width=self.size, text=text)", None),  # as well the height
        ("Draw a box as wide as its text: sets the width.", "box(width=self.size, text=text)", "width"),
        ("Take a row.", "return rows.pop()", None),  # as well shift
        ("Take the top row of the stack.", "return rows.pop()", "pop"),
        ("Note a row.", "rows.append(text)", "append"),  # no other choice takes one value without a place
        ("Note a row.", "return self.all(rows)  # small calls", None),  # `all` is no part of `small`
    ],
)
def test_a_word_is_masked_only_if_the_rest_tells_it(summary, line, answer):
    header = "def draw(self, rows, text):"
    row = made("cloze-test", replace(CAP, summary=summary, header=header, code=f"{header}\n    {line}"))
    assert (None if row is None else row.output) == answer
