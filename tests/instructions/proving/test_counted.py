"""A counter at the head of functions: the program stays the same, and each call is counted once."""

import ast

import pytest

from coma_cli.instructions.proving.counted import counted

PROGRAM = '''\
import functools


def plain(x):
    return x


def documented(x):
    """Text."""
    for i in range(x):
        pass
    return x


def only_text():
    """Text with ü"""


def one_line(x): return x


def ü(größe): "ü"; return größe


@functools.cache
def marked(x):
    @functools.cache
    def inner():
        return x
    return inner()


class Thing:
    def method(self): pass

    @staticmethod
    def free(): return 1

    @classmethod
    def made(cls): return cls()


def main():
    return plain(1)
'''


def run(program: str, lines=None) -> tuple[dict, list[int]]:
    found = counted(program, lines, "count()")
    assert found is not None
    seen: list[int] = []
    names = {"count": lambda: seen.append(1)}
    exec(compile(found.text, "<program>", "exec"), names)
    return names, seen


@pytest.mark.parametrize(
    ("call", "times"),
    [
        ("plain(1)", 1), ("documented(2)", 1), ("only_text()", 1), ("one_line(1)", 1), ("ü(1)", 1), ("marked(1)", 2),
        ("Thing().method()", 1), ("Thing.free()", 1), ("Thing.made()", 1), ("main()", 1), ("None", 0),
    ],
)  # fmt: skip
def test_each_call_of_a_function_is_counted(call, times):
    names, seen = run(PROGRAM)
    eval(call, names)
    assert len(seen) == times


def test_functions_keep_their_text():
    names, _ = run(PROGRAM)
    assert names["documented"].__doc__ == "Text." and names["only_text"].__doc__ == "Text with ü"


def test_within_lines_the_outermost_function_counts_alone():
    names, seen = run(PROGRAM, (8, 12))
    eval("(plain(1), documented(1), marked(1))", names)
    assert len(seen) == 1


def test_lines_are_told_by_the_numbers_of_the_author():
    found = counted(PROGRAM, None, "count()")
    assert found is not None and found.added_lines
    text, before = found.text.split("\n"), PROGRAM.split("\n")
    for number, line in enumerate(text, 1):
        if number not in found.added_lines:
            original = before[found.line_before(number) - 1]
            assert line.replace("count(); ", "").replace("; count()", "") == original


def test_what_can_be_called_from_outside_has_a_name():
    found = counted(
        "class A:\n class B:\n  def f(self): pass\n def __init__(self, x: int): pass\n def g(self): pass\n", None, "c()"
    )
    assert found is not None
    assert [(target.name, target.bound) for target in found.targets] == [("A.B.f", "instance"), ("A.g", "instance")]
    assert found.targets[1].cases()[0].made_with == (3,) and found.counters == 3
    nested = counted("def main():\n def f(): pass\n", None, "c()")
    assert nested is not None and nested.targets == () and nested.counters == 1


def test_what_does_not_parse_is_not_counted():
    assert counted("def f(:\n", None, "c()") is None
    ast.parse("pass")
