import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.languages import parse_python
from coma_cli.syntax.python_functions import decode_python, python_functions, same_tree


def mined(text):
    tree = parse_python(text)
    assert tree is not None
    return {f.name: f for f in python_functions(text, tree, documented_only=True)}


def only(text):
    (function,) = mined(text).values()
    return function


def test_a_function_is_taken_without_its_docstring():
    function = only('def add(x, y):\n    """Add."""\n    return x + y\n')
    assert function.code == "def add(x, y):\n    return x + y"
    assert (function.documentation, function.lines, function.header) == ("Add.", (1, 3), "def add(x, y):")
    assert not function.empty


def test_a_method_is_dedented_and_keeps_decorators_and_async():
    text = '''class A:
    class B:
        @outer(
            1)
        async def f(self, a: "x:y" = {1: 2}):  # a hint: no
            # a comment: here
            """Doc.

  less indented
            """
            return self.a
'''
    function = mined(text)["A.B.f"]
    assert function.code == (
        '@outer(\n    1)\nasync def f(self, a: "x:y" = {1: 2}):  # a hint: no\n    # a comment: here\n    return self.a'
    )
    assert function.header == '@outer(\n    1)\nasync def f(self, a: "x:y" = {1: 2}):'
    assert function.lines == (3, 11)


def test_text_inside_of_strings_is_never_dedented():
    text = 'class A:\n    def f(self):\n        """Doc."""\n        x = """\n    four\nnone"""\n        return x\n'
    function = mined(text)["A.f"]
    scope = {}
    exec(function.code, scope)
    assert scope["f"](None) == "\n    four\nnone"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('def f(): "Doc."', "def f(): pass"),
        ('def f(): """Doc; more."""; return g(1)', "def f(): return g(1)"),
        ('def f():\n    """Doc."""; x = 1\n    return x', "def f():\n    x = 1\n    return x"),
        ('def f():\n    ("one"\n     "two")  # gone\n\n    return 1', "def f():\n    return 1"),
        ('def f():\n    """Doc."""\n', "def f():\n    pass"),
        ('def f():\n    r"""Doc \\d."""\n    # why\n    return 1', "def f():\n    # why\n    return 1"),
        ("def f():\n    'one' \\\n    'two'\n    return 1", "def f():\n    return 1"),
        ('def f(\n    a,\n):\n    """Doc."""\n    return a', "def f(\n    a,\n):\n    return a"),
        ('def f():\n\t"""Döc ü."""\n\tä = "é"; return ä', 'def f():\n\tä = "é"; return ä'),
    ],
)
def test_a_docstring_is_cut_wherever_it_stands(text, code):
    assert only(text).code == code


@pytest.mark.parametrize(
    "body", ["pass", "...", "raise NotImplementedError", "raise NotImplementedError('x')", "'text'", "pass; ..."]
)
def test_a_body_that_says_nothing_is_called_empty(body):
    assert only(f'def f():\n    "Doc."\n    {body}').empty


def test_functions_without_docstrings_and_inner_functions_are_left_alone():
    text = 'def a():\n    return 1\n\ndef b():\n    """B."""\n    def c():\n        """C."""\n    return c\n'
    assert list(mined(text)) == ["b"]


def test_functions_under_conditions_are_found():
    text = (
        'if x:\n    def a():\n        "A."\n        return 1\nelse:\n    def b():\n        "B."\n        return 1\n'
        'try:\n    def c():\n        "C."\n        return 1\nexcept E:\n    def d():\n        "D."\n        return 1\n'
    )
    assert set(mined(text)) == {"a", "b", "c", "d"}


def test_cuts_are_whole_statements_worth_completing():
    text = (
        'def f(self, x):\n    """Doc."""\n    first = self.load(x)\n    if x:\n        pass\n'
        "    total = first + self.rest(x)\n"
        "    a = 1; b = self.two(x)\n    long = [\n        self.x,\n    ]\n    return total.of(long)  # trailing\n"
    )
    function = only(text)
    assert [function.code[start:end] for start, end in function.cuts] == [
        "total = first + self.rest(x)",
        "return total.of(long)",
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfx = 1\r\ny = 2\r", "x = 1\ny = 2\n"),
        ("# -*- coding: latin-1 -*-\nx = 'é'".encode("latin-1"), "# -*- coding: latin-1 -*-\nx = 'é'"),
        (b"x = '\xff'", None),
        (b"# coding: no-such-code\n", None),
    ],
)
def test_files_are_decoded_by_what_they_declare(content, text):
    assert decode_python(content) == text


def test_lines_are_counted_as_python_counts_them():
    text = 'x = "\x0c\x1c\u2028"\n\x0c\ndef f():\n    """Doc."""\n    return 1\n'
    assert only(text).lines == (3, 5)


def test_a_function_nested_deeper_than_the_stack_is_passed_over():
    deep = "x = " + " + ".join(["a"] * 900)
    text = f'def f():\n    """Doc."""\n    {deep}\n    return x\n\ndef g():\n    """Doc."""\n    return 1\n'
    assert "g" in mined(text)


def test_same_tree_tells_programs_apart():
    assert same_tree(ast.parse("x = 1 # c"), ast.parse("x  =  1"))
    assert not same_tree(ast.parse("x = 1"), ast.parse("x = 1.0"))
    assert not same_tree(ast.parse("f(a)"), ast.parse("f(a, b)"))


@st.composite
def sources(draw):
    """Functions and methods with docstrings in many places, quotes and company."""
    indent = draw(st.sampled_from(["    ", "\t", "  "]))
    quote = draw(st.sampled_from(['"""', "'''"]))
    words = draw(st.lists(st.sampled_from(["alpha", "bêta", "gamma", "数", "\n", "#"]), min_size=1, max_size=6))
    docstring = f"{quote}Say {' '.join(words)} .{quote}"
    after = draw(st.sampled_from(["\n", "  # note\n", "; q = 0\n", "\n\n\n"]))
    statements = draw(
        st.lists(st.sampled_from(["x = 1", 's = """\nq\n  r"""', "return x", "if x: y = [\n1]", "# c"]), max_size=4)
    )
    in_class = draw(st.booleans())
    margin = indent if in_class else ""
    body = "".join(f"{margin}{indent}{statement}\n" for statement in statements)
    head = f"class K:\n{indent}v = 1\n" if in_class else "v = 1\n"
    decorator = draw(st.sampled_from(["", f"{margin}@d\n", f"{margin}@d(\n 1)\n"]))
    return f"{head}{decorator}{margin}def f(a, b=':'):\n{margin}{indent}{docstring}{after}{body}"


@settings(max_examples=200, deadline=None)
@given(sources())
def test_what_is_mined_is_the_function_without_its_docstring(text):
    tree = parse_python(text)
    assert tree is not None
    function = only(text)
    node = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef))
    assert function.documentation == ast.get_docstring(node, clean=False)
    node.body = node.body[1:] or [ast.Pass()]
    (taken,) = ast.parse(function.code).body
    assert ast.dump(taken) == ast.dump(node)
    assert "Say " not in function.code
    lines = text.split("\n")[function.lines[0] - 1 : function.lines[1]]
    assert lines[0].strip().startswith(("def f", "@d"))
    for start, end in function.cuts:
        ast.parse(function.code[start:end].removeprefix("return "))


def test_every_documented_function_of_real_modules_is_taken():
    folder = Path(sysconfig.get_path("stdlib"))
    for name in ("argparse.py", "asyncio/base_events.py", "difflib.py", "inspect.py", "typing.py", "textwrap.py"):
        text = decode_python((folder / name).read_bytes())
        tree = ast.parse(text)
        expected = sum(bool((ast.get_docstring(n) or "").strip()) for n in _outer_functions(tree.body))
        assert len(list(python_functions(text, parse_python(text), documented_only=True))) == expected >= 3


def _outer_functions(body):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        else:
            for field in ("body", "orelse", "finalbody", "handlers"):
                yield from _outer_functions(getattr(node, field, []))
