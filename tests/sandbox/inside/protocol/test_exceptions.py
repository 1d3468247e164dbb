"""Exceptions that cross keep what tests look at, and bring nothing of the program's own along."""

from typing import Any

import pytest

from coma_cli.sandbox.inside.protocol import exceptions, values


def crossed(error: BaseException) -> BaseException | None:
    """The exception as the other side has it."""
    return exceptions.unpack(values.decode(values.encode(exceptions.pack(error))))


def raised(act: Any, *arguments: Any) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        act(*arguments)
    return caught.value


class CodeError(ValueError):
    """An exception of a program."""

    def __init__(self, code: int) -> None:
        super().__init__("code", code)
        self.code = code
        self.whole = object()

    def __str__(self) -> str:
        return f"code {self.code}"


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        ValueError("bad"),
        ValueError("bad", 3, (1.5, None)),
        ValueError(7),
        KeyError("k"),
        ZeroDivisionError("division by zero"),
        OSError(13, "denied"),
        FileNotFoundError(2, "no such file", "a.txt"),
        OSError(18, "across", "a", None, "b"),
        ImportError("no m", name="m", path="/p"),
        StopIteration(5),
        raised(lambda: nowhere),  # type: ignore[name-defined]  # noqa: F821
        raised(lambda: [].nothing),  # type: ignore[attr-defined]
        raised(lambda: b"\xff".decode()),
        raised(lambda: "\u20ac".encode("ascii")),
        raised(lambda: compile("a b", "f", "exec")),
        ValueError("x" * 5000),
    ],
    ids=lambda error: repr(error)[:40],
)
def test_built_in_exceptions_are_unchanged(error: Exception) -> None:
    back = crossed(error)
    assert type(back) is type(error)
    assert (back.args, str(back), repr(back)) == (error.args, str(error), repr(error))
    for name in ("errno", "strerror", "filename", "filename2", "name", "path", "value", "lineno", "start", "reason"):
        assert getattr(back, name, None) == getattr(error, name, None), name


def test_an_exception_of_the_programs_own_class_is_its_built_in_base_with_its_text_and_attributes() -> None:
    back = crossed(CodeError(3))
    assert isinstance(back, ValueError) and type(back).__mro__[1] is ValueError
    assert (str(back), back.args, back.code) == ("code 3", ("code", 3), 3)
    assert not hasattr(back, "whole")


def test_cause_context_and_notes_are_kept() -> None:
    def fail(suppress: bool) -> None:
        try:
            {}["k"]
        except KeyError as error:
            if suppress:
                raise CodeError(1) from error
            raise CodeError(2)  # noqa: B904 - a context without a cause

    caused, in_context = crossed(raised(fail, True)), crossed(raised(fail, False))
    assert type(caused.__cause__) is KeyError and caused.__cause__.args == ("k",) and caused.__suppress_context__
    assert in_context.__cause__ is None and in_context.__context__.args == ("k",)
    assert not in_context.__suppress_context__
    noted = ValueError("a")
    noted.__notes__ = ["remember"]
    assert crossed(noted).__notes__ == ["remember"]


def test_a_chain_of_causes_that_never_ends_is_cut() -> None:
    one, other = ValueError(1), KeyError(2)
    one.__cause__, other.__cause__ = other, one
    assert crossed(one).__cause__.__cause__.args == (1,)


def test_arguments_that_are_no_plain_values_leave_the_message() -> None:
    back = crossed(ValueError(object))
    assert back.args == (object,)
    error = ValueError("a", len)
    back = crossed(error)
    assert str(back) == str(error)


@pytest.mark.parametrize(
    "broken",
    [
        type("E", (ValueError,), {"__str__": lambda self: 1 / 0}),
        type("E", (ValueError,), {"args": property(lambda self: 1 / 0)}),
        type("E", (ValueError,), {"__getattribute__": lambda self, name: 1 / 0}),
    ],
)
def test_an_exception_that_breaks_when_it_is_looked_at_is_still_one(broken: type[Exception]) -> None:
    assert isinstance(crossed(broken("a")), ValueError)


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_a_program_is_no_exception_for_its_tests(error: BaseException) -> None:
    assert crossed(error) is None


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["ValueError"],
        [1, 2],
        ["ValueError", 1],
        ["ValueError", "", 1],
        ["eval", ""],
        ["print", ""],
        ["BaseException", ""],
        ["ValueError", "", {}, {}],
        ["__name__", ""],
    ],
    ids=repr,
)
def test_forged_exceptions_are_none(parts: list[Any]) -> None:
    assert exceptions.unpack(parts) is None


@pytest.mark.parametrize(
    "more",
    [
        {"args": [1]},
        {"args": (1, 2, 3, 4, 5, 6, 7)},
        {"attributes": {"__class__": 1, "args": 5, "__traceback__": 1, 3: 4, "a b": 1, "__cause__": 1}},
        {"attributes": 1, "cause": 1, "context": ["x", "y"], "suppress": 1, "text": 1},
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["ValueError", "OSError", "UnicodeDecodeError", "ExceptionGroup"])
def test_forged_parts_of_exceptions_change_nothing_but_the_exception(name: str, more: dict[str, Any]) -> None:
    back = exceptions.unpack([name, "message", more])
    assert isinstance(back, Exception)
    assert back.__traceback__ is None and back.__cause__ is None
