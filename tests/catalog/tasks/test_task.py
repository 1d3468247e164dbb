from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.tasks import TASKS, code_summarization
from tests.catalog.tasks.materials import EXERCISE, INSTRUCTION, MEAN, made


@given(st.integers(0, 1000))
def test_the_id_depends_on_content_and_the_wording_on_id_and_seed(seed):
    row = made("code-summarization", MEAN, seed)
    assert row.id == made("code-summarization", MEAN, 0).id
    assert row == made("code-summarization", MEAN, seed)
    chosen = {wording.replace("{language}", "Python") for wording in code_summarization.WORDINGS["en"]}
    assert row.instruction in chosen


def test_all_wordings_are_used():
    used = {made("code-summarization", MEAN, seed).instruction for seed in range(300)}
    assert len(used) == len(code_summarization.WORDINGS["en"])


ENGLISH = tuple(f"Explain this {{language}} code, {n}." for n in range(8))
CHINESE = tuple(f"请解释这段 {{language}} 代码，{n}。" for n in range(8))


def changed(**values):
    return replace(TASKS["code-summarization"], **values)


@pytest.mark.parametrize(
    ("wordings", "fault"),
    [
        ({"en": ENGLISH}, "0 different wordings in 'cn'; at least 8 are needed"),
        ({"en": ENGLISH[:7], "cn": CHINESE}, "7 different wordings in 'en'; at least 8 are needed"),
        ({"en": (*ENGLISH[:7], ENGLISH[0]), "cn": CHINESE}, "7 different wordings in 'en'"),
        ({"en": ENGLISH, "cn": CHINESE, "de": ENGLISH}, "wordings in 'de', which is none of en, cn"),
        (
            {"en": (*ENGLISH, "Explain this {lang} code."), "cn": CHINESE},
            "'Explain this {lang} code.' has the placeholder {lang}; known: language, target, text",
        ),
        ({"en": (*ENGLISH, "Explain this {} code."), "cn": CHINESE}, "'Explain this {} code.' has the placeholder {}"),
        (
            {"en": ENGLISH, "cn": (*CHINESE, "请解释这段代码。")},
            "'请解释这段代码。' has other placeholders than the first wording: none instead of {language}",
        ),
        (
            {"en": (*ENGLISH, "What does this {language} code do? {text}"), "cn": CHINESE},
            "{language} and {text} instead of {language}",
        ),
    ],
)
def test_wordings_that_would_not_do_are_refused_by_name(wordings, fault):
    with pytest.raises(ValueError, match=r"^task code-summarization: ") as error:
        changed(wordings=(TASKS["code-summarization"].wordings[0], wordings))
    assert fault in str(error.value)


def test_good_wordings_and_none_at_all_are_taken():
    assert changed(wordings=({"en": ENGLISH, "cn": CHINESE},)).wordings[0]["en"] == ENGLISH
    assert changed(wordings=()).wordings == ()


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="task code-summarization: the group 'docs' is none of text-to-code, code-"):
        changed(group="docs")


def test_a_draft_with_wordings_that_its_task_does_not_list_is_an_error(monkeypatch):
    monkeypatch.setitem(TASKS, "code-summarization", changed(wordings=({"en": ENGLISH, "cn": CHINESE},)))
    with pytest.raises(ValueError, match="The task code-summarization drafts a row with wordings that its entry"):
        made("code-summarization", MEAN)


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_question_without_words_makes_an_empty_instruction_not_half_a_sentence(blank):
    assert made("code-generation", replace(EXERCISE, statement=blank)).instruction == ""
    assert made("code-generation", replace(INSTRUCTION, instruction=blank)).instruction.strip() == ""
