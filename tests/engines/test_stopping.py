"""A stop text is noticed the moment it is complete, wherever it lies in the tokens, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.stopping import StopTexts

PIECES = ["a", "b", "\n", "de", "f", "\nd", "def", " ", "ef\n", "", "\nclass", "é"]


def watch(texts):
    return StopTexts(texts, lambda ids, start: "".join(PIECES[i] for i in ids[start:]))


def test_without_texts_nothing_stops():
    assert watch([]).cut([0, 1, 2]) is None
    assert watch([""]).cut([0, 1, 2]) is None


def test_the_text_ends_before_the_stop():
    assert watch(["\ndef"]).cut([0, 5, 3]) is None
    assert watch(["\ndef"]).cut([0, 5, 4]) is None
    assert watch(["\ndef"]).cut([0, 5, 8]) == "a"
    assert watch(["\ndef"]).cut([0, 2, 6]) == "a"
    assert watch(["\ndef", "b"]).cut([0, 1, 2, 6]) == "a", "the first of several"


@given(st.lists(st.integers(0, len(PIECES) - 1), max_size=120), st.sets(st.sampled_from(["\ndef", "ab", "é\n", "f a"])))
def test_stops_are_found_as_if_all_text_was_searched_at_every_token(ids, texts):
    stops = watch(sorted(texts))
    for length in range(1, len(ids) + 1):
        text = "".join(PIECES[i] for i in ids[:length])
        ends = [text.index(stop) for stop in texts if stop in text]
        cut = stops.cut(ids[:length])
        if ends:
            assert cut == text[: min(ends)]
            return
        assert cut is None


def test_a_window_that_decodes_otherwise_than_the_whole_does_not_stop():
    stripping = StopTexts(["x y"], lambda ids, start: "x y" if start else "long text, none here")
    assert stripping.cut(list(range(100))) is None
