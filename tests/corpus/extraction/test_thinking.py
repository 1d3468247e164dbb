import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.extraction.thinking import TAGS, opening_tag_at_end, split_thinking, without_thinking

DRAFT = "First idea:\n```python\ndef f(x):\n    return 0\n```\nIt isn't right.\n"
ANSWER = "Here it is:\n```python\ndef f(x):\n    return x\n```\n"


@pytest.mark.parametrize("tags", TAGS, ids=lambda tags: tags.opening)
def test_every_family_is_read(tags):
    assert without_thinking(f"{tags.opening}\n{DRAFT}{tags.closing}\n{ANSWER}").text.lstrip("\n") == ANSWER
    assert without_thinking(f"{tags.opening}{DRAFT}{tags.closing}{ANSWER}").text == ANSWER
    upper = f"{tags.opening.upper()}{DRAFT}{tags.closing.upper()}{ANSWER}"
    assert without_thinking(upper).text == ANSWER


@pytest.mark.parametrize("tags", TAGS, ids=lambda tags: tags.opening)
def test_a_part_that_is_never_closed_is_no_answer(tags):
    answer = without_thinking(f"{tags.opening}\n{DRAFT}{ANSWER}")
    assert (answer.text, answer.found, answer.unfinished) == ("", True, True)


@pytest.mark.parametrize("tags", [tags for tags in TAGS if tags.closing != "<|end|>"], ids=lambda tags: tags.closing)
def test_the_closing_tag_alone_is_enough(tags):
    assert without_thinking(f"{DRAFT}{tags.closing}\n{ANSWER}").text == f"\n{ANSWER}"


def test_text_before_and_several_parts():
    text = f"Let me think.\n<think>\n{DRAFT}</think>\n<think>{DRAFT}</think>\n{ANSWER}"
    assert [line for line in without_thinking(text).text.split("\n") if line] == [
        "Let me think.",
        *(line for line in ANSWER.split("\n") if line),
    ]
    assert without_thinking(f"{ANSWER}<think>\nwait").text == ANSWER


def test_two_parts_of_which_the_first_has_no_opening_tag():
    assert without_thinking(f"{DRAFT}</think>\n<think>{DRAFT}</think>{ANSWER}").text.strip() == ANSWER.strip()


def test_channels_of_harmony():
    text = (
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
    )
    assert without_thinking(text).text == ANSWER
    commentary = (
        f"<|channel|>commentary to=x <|constrain|>json<|message|>{{}}<|call|><|channel|>final<|message|>{ANSWER}"
    )
    assert without_thinking(commentary).text == ANSWER
    assert without_thinking(f"<|channel|>analysis<|message|>{DRAFT}").unfinished
    assert without_thinking(f"analysisWe need f. {DRAFT}assistantfinal{ANSWER}").text == ANSWER


@pytest.mark.parametrize(
    "code",
    [
        '    return s.replace("<think>", "").replace("</think>", "")\n',
        "    x = '</think>'\n    return x\n",
        "    return s == '[THINK]'\n",
        "    # the tag <think> opens it\n    return 1\n",
        "    if s < think > 2:\n        return 1\n",
    ],
)
def test_tags_within_code_are_code(code):
    assert without_thinking(code) == (code, False, False)


@given(st.text())
def test_any_text_has_an_answer(text):
    answer = without_thinking(text)
    assert answer.found or answer.text == text


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("x = 1", "", ("", "x = 1", False)),
        ("<think>a\n</think>\n\nx = 1", "", ("<think>a\n</think>", "\n\nx = 1", False)),
        ("a</think>x", "<think>", ("a</think>", "x", False)),
        ("<think>a", "", ("<think>a", "", True)),
        ("a", "<think>", ("a", "", True)),
        ("x = '<think>'\n<think>", "", ("", "x = '<think>'\n<think>", False)),
        ("[THINK]a[/THINK]x", "", ("[THINK]a[/THINK]", "x", False)),
    ],
)
def test_a_completion_is_split_after_its_reasoning(text, opened, expected):
    parts = split_thinking(text, opened)
    assert tuple(parts) == expected
    assert parts.reasoning + parts.answer == text


def test_channels_are_split_too():
    text = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>x = 1"
    assert split_thinking(text).answer == "x = 1"
    assert split_thinking("analysisLet me see.assistantfinalx = 1") == (
        "analysisLet me see.assistantfinal",
        "x = 1",
        False,
    )


def test_the_tag_that_a_prompt_opens():
    assert opening_tag_at_end("<|im_start|>assistant\n<think>\n") == "<think>"
    assert opening_tag_at_end("<|im_start|>assistant\n<think>\n\n</think>\n\n") == ""
