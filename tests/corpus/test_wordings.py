"""Further wordings: what they must satisfy, where they stand, and files of them."""

import pytest

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.wordings import AddedWordings, TaskWording, flaw_of_wording, read_wordings, tables_of
from coma_cli.drop_reasons import require_known
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import write_rows
from tests.dataset.rows import example


def flaw(text: str, task: str = "code-repair", text_language="en", table: int = 0) -> str | None:
    found = flaw_of_wording(text, list(tables_of(TASKS[task]).values())[table], text_language, TASKS[task])
    if found is not None:
        require_known(found.reason)
    return None if found is None else found.reason


def test_the_wordings_of_the_catalogue_satisfy_what_further_ones_must():
    wrong = [
        (task.name, text, flaw)
        for task in TASKS.values()
        for table in task.wordings
        for text_language, texts in table.items()
        for text in texts
        if (flaw := flaw_of_wording(" ".join(text.split()), table, text_language, task)) is not None
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Please repair this faulty {language} function.", None),
        ("Please repair this faulty function.", "other-placeholders"),
        ("Repair this {language} function called {name}.", "other-placeholders"),
        ("请修复这个有问题的 {language} 函数，谢谢。", "other-text-language"),
        ("Bitte repariere diese fehlerhafte Funktion in {language}, sie ist kaputt.", "other-text-language"),
        ("Repair this {language} function: `return a + b`", "text-holds-code"),
        ("Repair this {language} function, " + "and then again, " * 20, "too-long"),
        (" ", "empty"),
    ],
)
def test_a_wording_keeps_language_and_placeholders_and_is_short(text, reason):
    assert flaw(text) == reason


def test_a_wording_in_chinese_is_simplified():
    assert flaw("麻烦把这个 {language} 函数里的错误改掉。", text_language="cn") is None
    assert flaw("麻煩把這個 {language} 函數裡的錯誤改掉。", text_language="cn") == "other-text-language"
    assert flaw("Please repair this {language} function.", text_language="cn") == "other-text-language"


def test_a_wording_names_both_answers_or_none():
    for text, reason in [
        ("Say yes or no: is this {language} function defective?", None),
        ("This {language} function has a defect, doesn't it? The answer is yes.", "quotes-the-answer"),
    ]:
        assert flaw(text, "defect-detection") == reason


def test_what_stands_for_a_part_of_the_input_is_kept():
    assert flaw("Which token of this {language} code stood where <mask> is?", "cloze-test") is None
    assert flaw("Which token is missing in this {language} code?", "cloze-test") == "other-placeholders"


def test_tables_that_begin_alike_get_the_same_wordings():
    task = TASKS["code-repair"]
    like = task.wordings[0]["en"][0]
    rows = [TaskWording(task=task.name, like=like, text_language="en", text=text) for text in ("B {language}", "A")]
    added = AddedWordings.of([*rows, rows[0]])
    beside = [added.beside(task.name, table, "en") for table in task.wordings]
    assert sorted(beside[0]) == ["A", "B {language}"] and len(task.wordings) == 6
    assert beside == [beside[0]] * 5 + [()]
    assert added.beside(task.name, task.wordings[0], "cn") == () == added.beside("cloze-test", task.wordings[0], "en")


def test_a_row_in_an_added_wording_asks_what_is_in_it():
    like = TASKS["code-generation"].wordings[0]["en"][0]
    text = "Kindly write some {language} for this: {text}"
    row = {"task": "code-generation", "like": like, "text_language": "en", "text": text}
    added = AddedWordings.of([TaskWording(**row)])
    asked = example(1, instruction="Kindly write some Python for this: Sort a list.")
    assert added.unworded(asked).instruction == "Sort a list."
    other = example(2, instruction="Sort a list in Python.")
    assert added.unworded(other) is other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "code-repairs"}, "there is no task 'code-repairs'"),
        ({"like": "Fix it."}, "no wordings of code-repair begin with 'Fix it.'"),
        ({"text": "Repair it."}, "can't be used: other-placeholders {language}"),
        ({"text_language": "de"}, "text_language"),
    ],
)
def test_a_file_with_a_wording_that_can_not_be_used_is_refused(tmp_path, change, said):
    like = TASKS["code-repair"].wordings[0]["en"][0]
    good = {"task": "code-repair", "like": like, "text_language": "en", "text": "Please mend this {language} function."}
    write_rows(tmp_path / "w.jsonl", [good])
    assert [row.text for row in read_wordings(tmp_path / "w.jsonl")] == [good["text"]]
    write_rows(tmp_path / "w.jsonl", [good, {**good, **change}])
    with pytest.raises(MissingInputError, match=r"w\.jsonl") as caught:
        read_wordings(tmp_path / "w.jsonl")
    assert said in caught.value.message
