from hypothesis import given
from hypothesis import strategies as st

from coma_cli.words import (
    chinese_share,
    count_of,
    grams,
    latin_share,
    printable,
    sentences,
    shortened,
    shown,
    size_of,
    time_of,
    tokens,
    words,
)


def test_words_leave_case_punctuation_and_layout_behind():
    assert words("def  Add_one(x):\n\treturn x+1  # Plus") == ["def", "add_one", "x", "return", "x", "1", "plus"]


def test_each_chinese_sign_is_a_word():
    assert words("返回sum的值") == ["返", "回", "sum", "的", "值"]


def test_tokens_keep_signs_so_that_operators_differ():
    assert tokens("a + b") == tokens("A+b") != tokens("a - b")


def test_sentences_end_at_stops_and_blank_lines():
    assert sentences("One two. Three! 好。行\n\nFour") == ["One two.", "Three!", "好。", "行", "Four"]


@given(st.lists(st.text("ab", min_size=1), max_size=12), st.integers(1, 5))
def test_grams_are_all_runs_of_their_size(run, size):
    found = list(grams(run, size))
    assert len(found) == max(0, len(run) - size + 1)
    assert all(list(gram) == run[start : start + size] for start, gram in enumerate(found))


@given(st.text())
def test_words_of_words_are_the_same_words(text):
    assert words(" ".join(words(text))) == words(text)


@given(st.text())
def test_shares_lie_between_nothing_and_everything(text):
    assert 0 <= chinese_share(text) <= 1
    assert 0 <= latin_share(text) <= 1


def test_shares_count_letters_only():
    assert chinese_share("返回 (x) 1234") == 2 / 3
    assert latin_share("été 12 返") == 3 / 4


def test_numbers_come_with_the_form_of_their_noun():
    assert [count_of(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert [count_of(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]


def test_times_are_in_the_unit_that_people_think_in():
    assert [time_of(s) for s in (0.2, 119, 121, 7000, 42009)] == ["0 s", "119 s", "2 min", "117 min", "11.7 h"]


def test_sizes_never_read_as_nothing():
    shown = [size_of(size) for size in (0, 7, 999, 1000, 1.4e6, 999_600, 2.6e9)]
    assert shown == ["0 bytes", "7 bytes", "999 bytes", "1 KB", "1 MB", "1 MB", "2.6 GB"]


def test_what_a_terminal_acts_on_is_written_as_an_escape():
    assert printable("a\x1b[2Jb\x9b\r\x00\u202e\x7f") == r"a\x1b[2Jb\x9b\r\x00\u202e\x7f"
    assert printable("T\u00e4sk 你\u3000好\n\tx\u00a0\U0001f600") == "T\u00e4sk 你\u3000好\n\tx\u00a0\U0001f600"
    assert shown("a\nb\tc\x1b") == r"a\nb\tc\x1b"
    assert shown("x" * 10**6) == "x" * 77 + "..."


def test_a_shortened_text_ends_after_a_sentence_or_a_word_with_an_ellipsis():
    text = "The host can't be reached. Make sure your Internet connection works, please."
    assert shortened(text, len(text)) == text
    assert shortened(text, 50) == "The host can't be reached. ..."
    assert shortened(text, 30) == "The host can't be reached. ..."
    assert shortened("Make sure your Internet connection works", 31) == "Make sure your Internet ..."
    assert shortened("one, two, three", 13) == "one, two ..."
    assert shortened("a" * 40, 20) == "a" * 16 + " ..."
    assert all(len(shortened(text, most)) <= most for most in range(10, 80))
