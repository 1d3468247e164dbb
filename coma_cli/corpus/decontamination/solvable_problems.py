"""What the tests of a benchmark's problems ask of a function: number and kinds of arguments, and names beside it.

Problems whose tests run only in a program's own process are skipped (a program could pass them by deceit), as are
those without tests. Where tests need what a reference answers, the published tests of that reference take their
place: they ask less, and no reference has to be run.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.jsonl import sha256_of
from coma_cli.languages import parse_python
from coma_cli.records import Problem

_SAME_KIND = 1  # items of a collection that are of one type
# What most nodes and values of fields are, with nothing below them.
_LEAVES = frozenset((ast.Constant, ast.Name, ast.Load, ast.Store, str, type(None)))


@dataclass(frozen=True)
class SolvableProblem:
    """A problem with complete tests, and what they ask of a function.

    `counts` are the numbers of arguments in their calls, `kind` the types of the first call's ("" where they are not
    known). `assertions` counts the assertions in the text of the tests; `first` is the first of them, as the arguments
    of a call, how its value is compared (`==` or as a `bool`) and with what; None if it has another form. `keywords`
    name the arguments of all calls in the tests.
    """

    problem: Problem
    counts: tuple[int, ...]
    kind: str
    assertions: int
    first: tuple[list[Any], str, Any] | None = None
    keywords: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The entry point first, then what else the tests use of a program."""
        entry_point = self.problem.entry_point
        return (entry_point, *(name for name in self.problem.entry_points if name != entry_point))

    @property
    def key(self) -> str:
        """SHA-256 (hex) of all that decides whether a function passes."""
        problem = self.problem
        return sha256_of([problem.prompt_code, problem.setup, problem.tests, *self.names])


def solvable(benchmarks: Sequence[LoadedBenchmark]) -> list[SolvableProblem]:
    """The problems of some benchmarks whose tests can be run, in their order; of equal ones the first."""
    found: dict[str, SolvableProblem] = {}
    for bench in benchmarks:
        for problem in map(_with_tests, bench.problems):
            made = _solvable(problem) if problem.tests.strip() and problem.mode == "split" else None
            if made is not None:
                found.setdefault(made.key, made)
    return list(found.values())


def _with_tests(problem: Problem) -> Problem:
    sets = problem.input_sets
    if sets is None:
        return problem
    return problem.model_copy(update={"tests": "\n".join(sets.published_tests), "input_sets": None})


def _solvable(problem: Problem) -> SolvableProblem | None:
    tree = parse_python(problem.tests)
    if tree is None or not problem.entry_point:
        return None
    nodes = _in_order(tree)
    calls = _calls(tree, nodes, problem.entry_point)
    counts = {_count(call) for call in calls if not any(isinstance(part, ast.Starred) for part in call.args)}
    assertions = [node for node in nodes if isinstance(node, ast.Assert)]
    if not assertions or 0 in counts:
        return None
    kind = _kind(calls[0]) if calls else ""
    named = (argument.arg for node in nodes if isinstance(node, ast.Call) for argument in node.keywords)
    first = _first(assertions[0], calls)
    return SolvableProblem(
        problem, tuple(sorted(counts)), kind, len(assertions), first, frozenset(name for name in named if name)
    )


def _first(first: ast.Assert, calls: Sequence[ast.Call]) -> tuple[list[Any], str, Any] | None:
    """The first assertion, if it is a call with literal arguments, compared with a literal or true by itself."""
    call, form, expected = _parts_of(first.test)
    if call not in calls or call is not calls[0] or call.keywords:
        return None
    try:
        return [ast.literal_eval(argument) for argument in call.args], form, expected
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _parts_of(test: ast.expr) -> tuple[ast.expr, str, Any]:
    """The call, the form and the expected value of an assertion."""
    match test:
        case ast.Compare(left=ast.Call() as call, ops=[ast.Eq()], comparators=[other]):
            pass
        case ast.Compare(left=other, ops=[ast.Eq()], comparators=[ast.Call() as call]):
            pass
        case ast.UnaryOp(op=ast.Not(), operand=call):
            return call, "bool", False
        case _:
            return test, "bool", True
    try:
        return call, "==", ast.literal_eval(other)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return other, "", None


def _in_order(tree: ast.AST) -> list[ast.AST]:
    """The assertions and calls in the order of the text. Most nodes are literals, so this is one tight loop."""
    found: list[ast.AST] = []
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, (ast.Assert, ast.Call)):
            found.append(node)
        below: list[ast.AST] = []
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                below += [one for one in value if type(one) not in _LEAVES and isinstance(one, ast.AST)]
            elif type(value) not in _LEAVES and isinstance(value, ast.AST):
                below.append(value)
        left += reversed(below)
    return found


def _count(call: ast.Call) -> int:
    return len(call.args) + len(call.keywords)


def _calls(tree: ast.Module, nodes: Iterable[ast.AST], entry_point: str) -> list[ast.Call]:
    """The calls of the entry point, under its own name or as the argument of a function of the tests."""
    names = {entry_point}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            names.update(entry.arg for entry in statement.args.args)
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def _kind(call: ast.Call) -> str:
    try:
        values = [ast.literal_eval(argument) for argument in call.args]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""
    kinds = list(map(_kind_of, values))
    return "" if "" in kinds else ", ".join(kinds)


def _kind_of(value: Any) -> str:
    """The type of a value with that of its items; "" if they are of several types, or there are none."""
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        inner = _kinds_of(value) if not isinstance(value, dict) else _kinds_of(value) | _kinds_of(value.values())
        return f"{type(value).__name__} of {' and '.join(sorted(inner))}" if inner and "" not in inner else ""
    return type(value).__name__


def _kinds_of(values: Iterable[Any]) -> set[str]:
    found = {type(value).__name__ for value in values}
    return found if len(found) == _SAME_KIND else {""}
