"""The two limits of an answer with a reasoning part, token by token; each character is a token here."""

import pytest

from coma_cli.engines.reasoning import AnswerLimit, ReasoningLimit

CLOSING_OF = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}


def run(text: str, *, opened="", max_new=5, max_reasoning=20, room=1000, limited=True) -> tuple[int, AnswerLimit]:
    """How many characters of a text may be drawn, and the limit at that point."""
    reasoning = ReasoningLimit(max_reasoning, CLOSING_OF, opened) if limited else None
    limit = AnswerLimit(max_new, room, reasoning, lambda drawn, start: "".join(map(chr, drawn[start:])))
    for count in range(1, len(text) + 1):
        if limit.reached([ord(letter) for letter in text[:count]]):
            return count, limit
    return len(text), limit


@pytest.mark.parametrize("opened", ["", "<think>"])
def test_what_follows_the_reasoning_has_a_limit_of_its_own(opened):
    text = ("" if opened else "<think>") + "hm</think>0123456789"
    count, limit = run(text, opened=opened)
    assert text[:count].endswith("</think>01234")
    assert not limit.reasons and limit.answer_start == count - 5


def test_reasoning_that_does_not_end_is_cut_at_its_limit():
    count, limit = run("<think>" + "x" * 100)
    assert (count, limit.reasons) == (20, True)
    assert run("x" * 100, opened="<think>")[0] == 20


def test_an_answer_without_reasoning_has_the_usual_limit():
    assert run("0123456789")[0] == 5
    assert run("<thin ice")[0] == 6  # a piece of a tag is not cut
    assert run("<b>", max_new=3)[0] == 3
    assert run("0123456789", limited=False)[0] == 5


def test_leading_space_and_the_longer_of_two_tags():
    text = "\n\n<thinking>a</thinking>012345"
    count, limit = run(text, max_reasoning=40)
    assert text[:count].endswith("</thinking>01234") and not limit.reasons


def test_the_context_is_a_limit_for_both():
    assert run("<think>" + "x" * 50, room=10)[0] == 10
    assert run("<think>a</think>0123", room=18)[0] == 18


def test_the_most_tokens_of_an_answer():
    for limited, room, most in ((True, 1000, 25), (True, 7, 7), (False, 1000, 5)):
        assert run("a", limited=limited, room=room)[1].most == most
