"""Finds by parsing which names of a solution its tests use, and which of them is the entry point."""

import ast
import warnings
from collections.abc import Iterator
from typing import NamedTuple


class UsedNames(NamedTuple):
    """`entry_point` is the function under test; `used` are all names of the solution that the tests use."""

    entry_point: str
    used: tuple[str, ...]


def names_used(reference: str, tests: str) -> UsedNames:
    """The names of `reference` that `tests` uses.

    The entry point is the first function of the reference that an assertion calls; the call may be wrapped in others,
    as in `assert int(lobb_num(5, 3)) == 35` or `assert math.isclose(area(2), 3.1)`.

    Raises:
        SyntaxError: one of the texts is not Python. ValueError: the tests call nothing that the reference defines.
    """
    defined = set(defined_names(_parse(reference)))
    tree = _parse(tests)
    used = tuple(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in defined))
    for statement in tree.body:
        if isinstance(statement, ast.Assert):
            for name in _called(statement.test):
                if name in defined:
                    return UsedNames(name, used)
    raise ValueError("the tests call nothing that the reference defines")


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # published code has invalid escapes
        return ast.parse(source)


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Functions, classes and variables that a module defines at top level."""
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _called(expression: ast.expr) -> Iterator[str]:
    """Names of called functions in text order."""
    calls = [n for n in ast.walk(expression) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    for call in sorted(calls, key=lambda n: (n.lineno, n.col_offset)):
        assert isinstance(call.func, ast.Name)
        yield call.func.id
