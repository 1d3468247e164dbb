import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.syntax.documentation import Prose, leaks, prose_of, refusal
from coma_cli.syntax.function import CodeFunction


@pytest.mark.parametrize(
    ("docstring", "summary", "description"),
    [
        ("Return the sum.", "Return the sum.", "Return the sum."),
        ("\n    Return the\n    sum.\n\n    More here.\n    ", "Return the sum.", "Return the sum.\nMore here."),
        ("Add.\n\n:param x: number\n:return: sum", "Add.", "Add."),
        ("Add.\n@param x number", "Add.", "Add."),
        ("Add numbers.\n\nArgs:\n    x: a number\n\nReturns:\n    it", "Add numbers.", "Add numbers."),
        ("Add numbers.\n\nParameters\n----------\nx : int", "Add numbers.", "Add numbers."),
        ("Add.\n\n>>> add(1)\n2\n", "Add.", "Add."),
        ("Add.\n\nSee this::\n\n    add(1)\n\nLost.", "Add.", "Add.\nSee this."),
        ("Use :func:`add` and ``x``.", "Use `add` and `x`.", "Use `add` and `x`."),
        ("add(x, y) -> int\n\nAdd x and y.", "Add x and y.", "Add x and y."),
        ("add(x, y) -> int\nAdd x and y.", "Add x and y.", "Add x and y."),
        ("Post it.\n\n- group: the group\n- name: its name", "Post it.", "Post it."),
        ("Open it.\n\n  fd -- a descriptor\n  mode -- a mode", "Open it.", "Open it."),
        ("Return (a, b) of x.", "Return (a, b) of x.", "Return (a, b) of x."),
        ("Windows\r\nline ends.", "Windows line ends.", "Windows line ends."),
        ("! @brief Add two numbers.\n\n@param a one", "Add two numbers.", "Add two numbers."),
        ("! Add two numbers.", "Add two numbers.", "Add two numbers."),
        ("@brief Add two numbers.", "Add two numbers.", "Add two numbers."),
        ("返回两个数的和。\n\n:param x: 数", "返回两个数的和。", "返回两个数的和。"),
        ("Set the |Length| of it.", "Set the Length of it.", "Set the Length of it."),
        ("|Length| of the list.", "Length of the list.", "Length of the list."),
        ("Return `|A|x>` if |x| < 1.", "Return `|A|x>` if |x| < 1.", "Return `|A|x>` if |x| < 1."),
        ("Make a `data set <https://x.org/a>`_ of it.", "Make a data set of it.", "Make a data set of it."),
        ("Fit the `Voigt`_ profile [1]_ to `x`.", "Fit the Voigt profile to `x`.", "Fit the Voigt profile to `x`."),
        ("Part of [env](https://x.org/env), cut.", "Part of env, cut.", "Part of env, cut."),
        ("Add it. More info at https://x.org/a?b=c. Done.", "Add it. Done.", "Add it. Done."),
        ("Add it. See [here](https://x.org/a).", "Add it.", "Add it."),
        ("=> Add the node.", "Add the node.", "Add the node."),
        ("list.size -> integer\n\nReturn the size.", "Return the size.", "Return the size."),
        ("Add it. .. warning:: It is slow.", "Add it.", "Add it."),
        ('!!! note "Usage"\n    x', None, None),
        ("size (`int`, *optional*): The size.", None, None),
        ("https://x.org/a", None, None),
    ],
)
def test_prose_is_what_stands_before_lists_and_examples(docstring, summary, description):
    assert prose_of(docstring) == (None if summary is None else Prose(summary, description))


@pytest.mark.parametrize("docstring", ["", "   \n ", ":param x: y", ">>> f()\n1", "f(x) -> y", "Args:\n    x: y"])
def test_a_docstring_without_prose_gives_none(docstring):
    assert prose_of(docstring) is None


def test_the_quotes_of_a_prefixed_docstring_are_no_prose():
    assert prose_of('r"""\nMark a class as a service\n').summary == "Mark a class as a service"
    assert prose_of("Reads a file").summary == "Reads a file"


@given(st.text(max_size=300))
def test_any_text_gives_prose_of_single_lines_or_none(docstring):
    prose = prose_of(docstring)
    if prose is not None:
        assert prose.summary
        assert "\n" not in prose.summary
        assert prose.description.split("\n")[0] == prose.summary


def test_a_sentence_in_the_code_leaks_whatever_its_layout():
    description = "Adds two numbers. Then returns the sum."
    assert leaks(description, "def f():\n    # then  RETURNS the\n    pass") is None
    assert leaks(description, "def f():\n    # Then returns\n    # the sum\n    pass") == "Then returns the sum."


def test_a_sentence_is_found_at_word_borders_only():
    assert leaks("Add one number.", "x = 'readd one number'") is None
    assert leaks("Add one number.", "x = 'add one number'") == "Add one number."


def test_very_short_sentences_do_not_count():
    assert leaks("Return x.", "return x") is None


def function(code="def f(x):\n    return x", empty=False):
    return CodeFunction("python", "f", "def f(x):", code, "", (1, 2), (), empty)


@pytest.mark.parametrize(
    ("made", "summary", "reason"),
    [
        (function(), "Return the value unchanged.", None),
        (function(), "返回给定的值。", None),
        (function(empty=True), "Return the value unchanged.", "empty-body"),
        (function(), None, "no-prose"),
        (function(), "42 43 44", "no-prose"),
        (function(), "f ( x ) - > int", "no-prose"),
        (function(), "f(x, y=None) -> list of int", "no-prose"),
        (function(), "f (x) is the value of f at x.", None),
        (function(), "Return it.", "too-short"),
        (function(), "Devuelve el valor sin cambios.", "text-language"),
        (function(), "Вернуть заданное значение.", "text-language"),
        (function("def f(x):\n    # give the value back\n    return x"), "Give the value back.", "leaks-answer"),
    ],
)
def test_what_teaches_nothing_is_refused_with_its_reason(made, summary, reason):
    found = refusal(made, None if summary is None else Prose(summary, summary))
    assert (found and found[0]) == reason
