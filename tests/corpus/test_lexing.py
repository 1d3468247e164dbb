import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.lexing import grams_of, hashes_of_ranges, lex
from coma_cli.words import tokens, words

TEXTS = st.lists(st.text(max_size=60), max_size=6)


def spaced(text):
    """Chinese signs are tokens of their own here."""
    return "".join(f" {sign} " if "\u3400" <= sign <= "\u9fff" else sign for sign in text)


def hashes(text):
    return lex([text]).hashes.tolist()


@given(TEXTS)
def test_tokens_and_words_are_those_of_the_words_module(texts):
    lexed = lex(texts)
    plain = lexed.words()
    for number, text in enumerate(texts):
        assert lexed.bounds[number + 1] - lexed.bounds[number] == len(tokens(spaced(text)))
        assert plain.bounds[number + 1] - plain.bounds[number] == len(words(text))


@given(TEXTS)
def test_a_token_has_the_same_hash_wherever_it_stands(texts):
    lexed = lex(texts)
    seen = {}
    for number, text in enumerate(texts):
        found = lexed.hashes[lexed.bounds[number] : lexed.bounds[number + 1]].tolist()
        ascii_tokens = [token for token in tokens(spaced(text)) if token.isascii()]
        if len(ascii_tokens) == len(found):
            for token, value in zip(ascii_tokens, found, strict=True):
                assert seen.setdefault(token, value) == value
    assert len(set(seen.values())) == len(seen)


def test_case_and_layout_do_not_count_and_signs_do():
    assert hashes("Def F(x):\n\treturn X") == hashes("def f ( x ) : return x")
    assert hashes("a + b") != hashes("a - b")
    assert hashes("ab c") != hashes("a bc")


def test_shapes_do_not_tell_numbers_apart():
    one, other, third = lex(["row10 of 2000"]), lex(["row7 of 1"]), lex(["raw7 of 1"])
    assert one.shapes.tolist() == other.shapes.tolist()
    assert one.shapes.tolist() != third.shapes.tolist()
    assert one.hashes.tolist() != other.hashes.tolist()


@given(st.lists(st.sampled_from(["a1", "b22", "c333", "4", "x_9y", "z"]), max_size=12))
def test_shapes_are_the_hashes_of_texts_with_one_zero_for_each_number(parts):
    import re

    text = " ".join(parts)
    assert lex([text]).shapes.tolist() == lex([re.sub(r"\d+", "0", text)]).hashes.tolist()


def test_nothing_is_lexed_to_nothing():
    assert lex([]).bounds.tolist() == [0]
    assert lex(["", "  \n"]).bounds.tolist() == [0, 0, 0]


def test_a_very_long_token_is_one_token():
    assert len(hashes("x" * 10_000)) == 1
    assert hashes("x" * 10_000) != hashes("x" * 10_001)


def test_known_hashes_stay_as_they_are():
    """What is on disk from an earlier start has to fit."""
    assert hashes("def f") == [5674687920913116744, 3430827342079452888]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_grams_are_runs_of_neighbours(size):
    values = lex(["a b c d a b c e"]).hashes
    made = grams_of(values, size)
    assert len(made) == 8 - size + 1
    assert len(set(made.tolist())) == len(made) - (4 - size if size < 4 else 0)
    assert len(grams_of(values[:0], size)) == 0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.data())
def test_equal_runs_have_equal_keys(letters, data):
    values = np.array(letters, dtype=np.uint64)
    place = st.integers(0, len(letters))
    runs = data.draw(st.lists(st.tuples(place, place).map(sorted), min_size=2, max_size=6))
    keys = hashes_of_ranges(values, np.array([a for a, _ in runs]), np.array([b for _, b in runs])).tolist()
    by_content = {}
    for (start, end), key in zip(runs, keys, strict=True):
        assert by_content.setdefault(tuple(letters[start:end]), key) == key
    assert len(set(by_content.values())) == len(by_content)
