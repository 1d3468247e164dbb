import ast

import pytest
from hypothesis import given

from coma_cli.corpus.extraction import python_text
from coma_cli.formats.text import unify
from tests.corpus.extraction.texts import HOSTILE, TEXTS


@given(TEXTS)
def test_pieces_make_up_the_text(text):
    assert "".join(python_text.statements(text)) == text


@given(TEXTS)
def test_statements_that_are_found_are_python(text):
    for piece in python_text.python_statements(text):
        ast.parse(piece)


@given(TEXTS)
def test_valid_python_is_kept_whole(text):
    text = unify(text)
    tree = python_text.parse(text)
    if isinstance(tree, ast.Module):
        kept = "".join(piece if piece.endswith("\n") else f"{piece}\n" for piece in python_text.python_statements(text))
        assert ast.dump(ast.parse(kept)) == ast.dump(tree)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_harms_the_parser(name):
    text = HOSTILE[name][:1_000_000]
    list(python_text.python_statements(text))
    python_text.looks_like_code(text)
    assert python_text.parse("x = 1") is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = (", ["x = 1\n"]),
        ("x = 1\nThis isn't code", ["x = 1\n"]),
        ("It's prose (really.\nx = 1\n", ["x = 1\n"]),
        ("see (below\ndef f():\n    return 1\n", ["def f():\n    return 1\n"]),
        ("def f():\n    return 1\n\nprint(f(", ["def f():\n    return 1\n\n"]),
        ("def f():\n    x = 1\n    return (", ["def f():\n    x = 1\n"]),
        ("def f():\n    x = 1\n    if x:", ["def f():\n    x = 1\n"]),
        ("def f(:", []),
        ("x = (1,\n2)\ny = 3\n", ["x = (1,\n2)\n", "y = 3\n"]),
        ('x = """\n\'\'\'\ny = 1\n"""\nz = 2\n', ['x = """\n\'\'\'\ny = 1\n"""\n', "z = 2\n"]),
        ("@d\ndef f(): return 1\n@d\ndef g(", ["@d\ndef f(): return 1\n"]),
        ("if a:\n    b\nelse:\n    c\nd\n", ["if a:\n    b\nelse:\n    c\n", "d\n"]),
        ("def f():\n    return 1```", ["def f():\n    return 1\n"]),
        ("def f():\n    return 1</s>", ["def f():\n    return 1\n"]),
        ("x = 1 \\\n  + 2\ny = 1\n", ["x = 1 \\\n  + 2\n", "y = 1\n"]),
        ("x = '\u2028 \x85'\ny = 2\n", ["x = '\u2028 \x85'\n", "y = 2\n"]),
        ("", []),
    ],
)
def test_statements_that_parse(text, expected):
    assert list(python_text.python_statements(text)) == expected


def test_the_last_definition_of_a_name_counts():
    tree = ast.parse("def f(): return 1\nf = 2\nprint(f)\n")
    assert python_text.definition_of(tree, "f") is tree.body[1]
    assert python_text.definition_of(tree, "g") is None


@pytest.mark.parametrize(
    "body", ["pass", "...", "'doc'", "raise NotImplementedError", "raise NotImplementedError('x')"]
)
def test_a_stub_holds_nothing(body):
    assert python_text.body_size(ast.parse(f"def f():\n    {body}\n").body[0]) == 0
    assert python_text.body_size(ast.parse(f"def f():\n    {body}\n    return 1\n").body[0]) == 1


@pytest.mark.parametrize("body", ["raise ValueError", "raise", "return", "x = 1"])
def test_what_may_be_an_answer_is_no_stub(body):
    assert python_text.body_size(ast.parse(f"def f():\n    {body}\n").body[0]) == 1


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("table.update(x)", {"table"}),
        ("table[0].append(x)", {"table"}),
        ("table[0] = x", {"table"}),
        ("a.b.c = 1", {"a"}),
        ("del a[0]", {"a"}),
        ("n += 1", {"n"}),
        ("for i in range(3):\n    t.append(i)", {"t"}),
        ("f(x)", set()),
        ("x = 1", set()),
    ],
)
def test_changed_names(statement, names):
    assert python_text.changed_names(ast.parse(statement).body[0]) == names


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
        ("for i, j in x:\n    k = i", {"i", "j", "k"}),
        ("a.b = c[0] = 1", set()),
    ],
)
def test_bound_names(statement, names):
    assert python_text.bound_names(ast.parse(statement).body[0]) == names


def test_global_reads_do_not_count_local_names():
    source = "LIMIT = n = 2\ndef f(n):\n    return [n for x in LIMIT]\nclass A:\n    def g(s):\n        return OTHER\n"
    assert python_text.global_reads(source) == {"f": {"LIMIT"}, "A": {"OTHER"}}


def test_outer_reads_are_what_a_definition_needs_at_once():
    function, klass = ast.parse("@a(b)\ndef f(x: T = d) -> R:\n    return y\nclass C(Base, metaclass=M): z\n").body
    assert python_text.outer_reads(function) == {"a", "b", "T", "d", "R"}
    assert python_text.outer_reads(klass) == {"Base", "M"}


def test_lines_that_kept_statements_share_stay():
    tree = ast.parse("a = 1; b = 2\nc = 3\n")
    first, second, third = tree.body
    assert python_text.without_statements("a = 1; b = 2\nc = 3\n", [second, third], [first]) == "a = 1; b = 2\n"
