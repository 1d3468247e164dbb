import ast

import pytest
from hypothesis import given

from coma_cli.corpus.extraction import code_text
from tests.corpus.extraction.texts import HOSTILE, TEXTS


@given(TEXTS)
def test_python_prefix_is_a_prefix_and_python(text):
    text = code_text.unify(text)
    prefix = code_text.python_prefix(text)
    assert text.startswith(prefix.removesuffix("\n"))
    if prefix:
        ast.parse(prefix)


@given(TEXTS)
def test_python_lines_are_whole_lines_and_python(text):
    text = code_text.unify(text)
    kept = code_text.python_lines(text)
    assert text.startswith(kept.removesuffix("\n"))
    if kept:
        ast.parse(kept)


@given(TEXTS)
def test_valid_python_is_kept_whole(text):
    text = code_text.unify(text)
    if isinstance(code_text.parse(text), ast.Module):
        assert code_text.python_prefix(text).rstrip("\n") == text.rstrip("\n")


@given(TEXTS)
def test_fences_lie_in_the_text_in_order(text):
    text = code_text.unify(text)
    found = code_text.fences(text)
    assert [f.start for f in found] == sorted({f.start for f in found})
    assert all(f.closed for f in found[:-1])
    for fence in found:
        assert text[fence.start :].lstrip(" \t")[:3] in ("```", "~~~")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_harms_the_parser(name):
    text = HOSTILE[name]
    code_text.python_prefix(text)
    code_text.python_lines(text)
    code_text.fences(text)
    list(code_text.code_starts(text))
    assert code_text.parse("x = 1") is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\na\n```", [("", "a\n", True)]),
        ("```Python\na\n```\ntext\n~~~py\nb", [("python", "a\n", True), ("py", "b", False)]),
        ("1. so:\n   ```python\n   def f():\n       pass\n   ```", [("python", "def f():\n    pass\n", True)]),
        ("````\n```\ninner\n```\n````", [("", "```\ninner\n```\n", True)]),
        ("```python title=x.py\na\n```", [("python", "a\n", True)]),
        ("use ```inline``` here", []),
        ("```inline```", []),
        ("```python\nx = '''\n```text\n'''\n```", [("python", "x = '''\n```text\n'''\n", True)]),
        ("```", [("", "", False)]),
    ],
)
def test_fences(text, expected):
    assert [(f.language, f.code, f.closed) for f in code_text.fences(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = (", "x = 1\n"),
        ("x = 1\nThis isn't code", "x = 1\n"),
        ("def f():\n    return 1\n\nprint(f(", "def f():\n    return 1\n\n"),
        ("def f():\n    return 1\nclass A:\n    def g(self):\n        return (", "def f():\n    return 1\n"),
        ("def f():\n    x = 1\n    return (", ""),
        ("x = '''\nabc\ny = 2", ""),
        ("if a:\n    b\nelse:\n    c(", ""),
        ("@d\ndef f(): return 1\n@d\ndef g(", "@d\ndef f(): return 1\n"),
        ("", ""),
    ],
)
def test_python_prefix(text, expected):
    assert code_text.python_prefix(text) == expected


def test_python_lines_keep_what_stands_in_a_broken_function():
    assert code_text.python_lines("def f():\n    x = 1\n    return (") == "def f():\n    x = 1\n"
    assert code_text.python_lines("def f():\n    x = 1\n    if x:") == "def f():\n    x = 1\n"
    assert code_text.python_lines("def f(:") == ""


def test_lines_that_must_stay_are_never_cut():
    source = "def f():\n    '''doc'''\n    return (\n"
    assert code_text.python_lines(source, keep_lines=1) == "def f():\n    '''doc'''\n"
    assert code_text.python_lines(source, keep_lines=2) == ""
    assert code_text.python_prefix("x = (\ny = 1\n", keep_lines=2) == ""


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("def f(): g()", {"f"}),
        ("class A: b = 1", {"A"}),
        ("import os.path as p, sys", {"p", "sys"}),
        ("import os.path", {"os"}),
        ("from a import b as c", {"c"}),
        ("x = y = 1", {"x", "y"}),
        ("(a, b), *c = z", {"a", "b", "c"}),
        ("n: int = 1", {"n"}),
        ("n += 1", {"n"}),
        ("try:\n    import a\nexcept E:\n    a = None", {"a"}),
        ("print(1)", set()),
    ],
)
def test_bound_names(statement, names):
    assert code_text.bound_names(ast.parse(statement).body[0]) == names


def test_global_reads_do_not_count_local_names():
    source = "LIMIT = n = 2\ndef f(n):\n    return [n for x in LIMIT]\nclass A:\n    def g(s):\n        return OTHER\n"
    assert code_text.global_reads(source) == {"f": {"LIMIT"}, "A": {"OTHER"}}


def test_outer_reads_are_what_a_definition_needs_at_once():
    function, klass = ast.parse("@a(b)\ndef f(x: T = d) -> R:\n    return y\nclass C(Base, metaclass=M): z\n").body
    assert code_text.outer_reads(function) == {"a", "b", "T", "d", "R"}
    assert code_text.outer_reads(klass) == {"Base", "M"}


def test_lines_that_kept_statements_share_stay():
    tree = ast.parse("a = 1; b = 2\nc = 3\n")
    first, second, third = tree.body
    assert code_text.without_statements("a = 1; b = 2\nc = 3\n", [second, third], [first]) == "a = 1; b = 2\n"
