"""What a failed assertion compared: its source, the last call of the program, the expected and the actual value.

Nothing is asked of the program again, since a second call could take the time or the memory that is left and change
the verdict: the value of the last call is what it was. Only the other side of an `==` or `is`, which is the tests' own
code, is evaluated once more, and only if it calls nothing of the program.
"""

from __future__ import annotations

import _ast
from types import FrameType
from typing import Any, NamedTuple

TESTS_FILE = "<tests>"
CALLS_THE_PROGRAM = "calls_the_program"  # the attribute of stand-ins for the program's functions
VALUE_MAX = 200  # characters of a value's text
_TEST_MAX = 240
_LARGEST_PARSED = 1 << 16  # characters of tests; an assertion that spans lines is not looked for in larger ones
_MOST_BITS = 10_000  # of an integer that is written out: the time for it grows with the square
_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST: `ast` itself takes 8 ms to import
_CHECK_OF_INPUTS = "_coma_check"  # the function that compares answers with those of the reference


class LastCall(NamedTuple):
    """A call of a function of the program, and what it returned."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    answer: Any


def failed_assertion(
    error: BaseException, lines: list[str], latest: LastCall | None, *, raised: bool = False
) -> tuple[bytes, ...]:
    """Source, call, expected and actual value as texts; () if something other than an assertion of the tests failed.

    `raised`: the program raised the error, in a call later than `latest`.
    """
    if not raised and not isinstance(error, AssertionError):
        return ()
    try:
        frame, number = _place(error)
        if frame is None:
            return ()
        call, actual = ("", "") if latest is None or raised else (_call_text(latest), short(latest.answer))
        if raised:
            actual = cut(f"raised {type(error).__name__}: {error}", VALUE_MAX)
        if frame.f_code.co_name == _CHECK_OF_INPUTS and not raised:
            names = frame.f_locals
            return _texts(call, call, short(names.get("exp")), short(names.get("out")))
        source, test = _assertion(lines, number)
        expected = "" if test is None else _expected(test, frame)
        return _texts(source, call, expected, actual)
    except Exception:  # whatever tests or values do when they are looked at, the verdict is unaffected
        return ()


def _texts(*parts: str) -> tuple[bytes, ...]:
    return tuple(part.encode("utf-8", "backslashreplace") for part in parts)


def _place(error: BaseException) -> tuple[FrameType | None, int]:
    """The innermost frame of the tests that an error passed through, and the line there."""
    frame, number, trace = None, 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TESTS_FILE:
            frame, number = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    return frame, number


def _assertion(lines: list[str], number: int) -> tuple[str, _ast.expr | None]:
    """The source of the assertion at a line, and what it tests; None where it is not understood."""
    if not 0 < number <= len(lines):
        return "", None
    line = lines[number - 1].strip()
    statements = _parse(line)
    if statements is None and sum(map(len, lines)) <= _LARGEST_PARSED:
        whole = _enclosing(_parse("\n".join(lines)) or [], number)
        if whole is not None:
            statements = [whole]
            line = " ".join(part.strip() for part in lines[whole.lineno - 1 : whole.end_lineno])
    found = statements[-1] if statements else None
    return line[:_TEST_MAX], found.test if isinstance(found, _ast.Assert) else None


def _parse(source: str) -> list[_ast.stmt] | None:
    try:
        tree = compile(source, TESTS_FILE, "exec", flags=_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return list(tree.body) if isinstance(tree, _ast.Module) else None


def _enclosing(statements: list[_ast.stmt], number: int) -> _ast.stmt | None:
    """The innermost statement that holds a line."""
    for statement in statements:
        if statement.lineno <= number <= (statement.end_lineno or 0):
            inner = [part for name in ("body", "orelse", "finalbody") for part in getattr(statement, name, ())]
            return _enclosing(inner, number) or statement
    return None


def _expected(test: _ast.expr, frame: FrameType) -> str:
    """The value of the side of a comparison that calls nothing of the program; "" if there is not just one."""
    if not isinstance(test, _ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], (_ast.Eq, _ast.Is)):
        return ""
    names = {**frame.f_globals, **frame.f_locals}
    own = [side for side in (test.left, test.comparators[0]) if not _calls_the_program(side, names)]
    if len(own) != 1:
        return ""
    code = compile(_ast.Expression(own[0]), TESTS_FILE, "eval", dont_inherit=True)
    return short(eval(code, names))  # noqa: S307 - trusted tests, as they just ran


def _calls_the_program(side: _ast.AST, names: dict[str, Any]) -> bool:
    """Whether an expression names a stand-in for a function of the program."""
    if isinstance(side, _ast.Name):
        return CALLS_THE_PROGRAM in getattr(names.get(side.id), "__dict__", ())
    return any(
        _calls_the_program(part, names)
        for name in side._fields
        for value in (getattr(side, name, None),)
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, _ast.AST)
    )


def _call_text(call: LastCall) -> str:
    parts = [short(argument, VALUE_MAX // 2) for argument in call.arguments[:8]]
    parts += [f"{name}={short(value, VALUE_MAX // 2)}" for name, value in list(call.keywords.items())[:8]]
    return cut(f"{call.name}({', '.join(parts)})", _TEST_MAX)


def short(value: Any, most: int = VALUE_MAX) -> str:
    """The text of a value, with long parts cut: the time for it does not grow with the value's size."""
    return cut(_written(value, most, 6), most)


def cut(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}")}


def _written(value: Any, room: int, depth: int) -> str:
    """A value as Python writes it, as far as there is room."""
    kind = type(value)
    if kind is str or kind is bytes:
        return repr(value[: room + 1])
    if kind is int:
        return repr(value) if value.bit_length() <= _MOST_BITS else f"<an integer of {value.bit_length()} bits>"
    if kind in _BRACKETS and value:
        opening, closing = _BRACKETS[kind]
        inner = _listed(iter(value), room, depth)
        return f"{opening}{inner}{',' if kind is tuple and len(value) == 1 else ''}{closing}"
    if kind is dict and value:
        return f"{{{_listed(iter(value.items()), room, depth, pairs=True)}}}"
    return repr(value) if kind in (bool, float, complex, type(None), list, tuple, set, dict, range) else _other(value)


def _listed(values: Any, room: int, depth: int, *, pairs: bool = False) -> str:
    """Items with commas between them, until there is no room."""
    if not depth:
        return "..."
    parts: list[str] = []
    for value in values:
        if room <= 0:
            parts.append("...")
            break
        if pairs:
            part = f"{_written(value[0], room, depth - 1)}: {_written(value[1], room, depth - 1)}"
        else:
            part = _written(value, room, depth - 1)
        parts.append(part)
        room -= len(part) + 2
    return ", ".join(parts)


def _other(value: Any) -> str:
    """Any other value: its own text where that is small, else its type."""
    return repr(value) if _size(value) <= VALUE_MAX else f"<{type(value).__name__}>"


def _size(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return 0
