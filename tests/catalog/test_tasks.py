"""What all tasks have in common: wordings in two languages, labels, and material that is not theirs."""

import re
from dataclasses import replace

import pytest

from coma_cli.catalog.tasks import TASKS
from tests.catalog.tasks.materials import (
    CAP,
    CLOZE,
    EXERCISE,
    INSTRUCTION,
    JUDGED,
    PAIR,
    REPAIR,
    TRANSLATION,
    UNFINISHED,
    made,
)

# Placeholders that all wordings of a task have beside {language}; those of other tasks have none.
PLACEHOLDERS = {
    "code-search": {"{text}"},
    "code-generation": {"{text}"},
    "code-translation": {"{target}"},
}


@pytest.mark.parametrize("name", TASKS)
def test_there_are_eight_wordings_and_more_in_both_languages(name):
    assert TASKS[name].wordings
    for wordings in TASKS[name].wordings:
        assert set(wordings) == {"en", "cn"}
        for texts in wordings.values():
            assert len(set(texts)) == len(texts) >= 8
            for text in texts:
                assert set(re.findall(r"{\w+}", text)) == {"{language}"} | PLACEHOLDERS.get(name, set()), text


@pytest.mark.parametrize("task", ["code-summarization", "line-completion", "code-search", "competition"])
@pytest.mark.parametrize("material", [EXERCISE, INSTRUCTION])
def test_a_task_ignores_other_material(task, material):
    assert made(task, material) is None


@pytest.mark.parametrize(
    ("task", "material"), [("clone-detection", PAIR), ("defect-detection", JUDGED)], ids=lambda x: str(x)[:10]
)
def test_answers_are_the_label_words_of_their_language(task, material):
    labels = TASKS[task].labels
    assert set(labels) == {"en", "cn"}
    for language in ("en", "cn"):
        for positive in (True, False):
            field = "clones" if task == "clone-detection" else "defective"
            row = made(task, replace(material, text_language=language, **{field: positive}))
            assert row.output == labels[language][0 if positive else 1]
        # A wording names both words that may be answered, so that nobody has to guess them.
        for wording in TASKS[task].wordings[0][language]:
            assert all(word.lower() in wording.lower() for word in labels[language])


def test_only_yes_and_no_tasks_have_labels():
    assert {name for name, task in TASKS.items() if task.labels} == {"clone-detection", "defect-detection"}


def test_chinese_rows_are_chinese_throughout():
    pair = made("clone-detection", replace(PAIR, text_language="cn"))
    assert pair.input.startswith("函数 1：\n")
    assert pair.output in ("相同", "不同")
    cloze = made("cloze-test", replace(CAP, text_language="cn", summary="记录最大的一行。"))
    assert "可选：" in cloze.input
    for task, material in (("code-repair", REPAIR), ("code-translation", TRANSLATION), ("line-completion", UNFINISHED)):
        row = made(task, replace(material, text_language="cn"))
        assert any("\u4e00" <= sign <= "\u9fff" for sign in row.instruction)


@pytest.mark.parametrize(
    "task", ["clone-detection", "defect-detection", "code-repair", "code-translation", "cloze-test", "line-completion"]
)
def test_a_task_ignores_material_of_other_types(task):
    taken = {
        name
        for name, material in {
            "clone-detection": PAIR,
            "defect-detection": JUDGED,
            "code-repair": REPAIR,
            "code-translation": TRANSLATION,
            "cloze-test": CLOZE,
            "line-completion": UNFINISHED,
        }.items()
        if made(task, material) is not None
    }
    assert taken == {task}
