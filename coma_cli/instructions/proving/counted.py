"""Sets a counter at the head of a Python function's body, so that running the program shows whether the body ran.

The text is changed as little as possible: all that an error message can quote stays as it was, and lines move down by
one where the body begins with a compound statement.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from coma_cli.instructions.proving.arguments import Arguments, cases_for

Bound = Literal["", "instance", "class"]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_MAIN = frozenset(("main", "_main", "__main__"))
_CALLED_AT_MOST = 3  # functions for which arguments are generated, where any of a program's counts


@dataclass(frozen=True)
class CountedFunction:
    """A function of a program. `name` is what it is called by: `f`, or `C.f`; "" if it is out of reach.

    `bound` says what Python gives as the first argument; `maker` is the `__init__` of the class.
    """

    node: FunctionNode
    name: str
    bound: Bound = ""
    maker: FunctionNode | None = None

    def cases(self) -> list[Arguments]:
        """Generated arguments for calls of it."""
        return cases_for(self.node, bound=bool(self.bound), maker=self.maker if self.bound == "instance" else None)


@dataclass(frozen=True)
class CountedProgram:
    """A program with counters: its text, the numbers of the lines that were added, and the functions to call."""

    text: str
    added_lines: tuple[int, ...]
    targets: tuple[CountedFunction, ...]
    counters: int

    def line_before(self, number: int) -> int:
        """The number that a line of the changed text has in the program as it was written."""
        return number - sum(added < number for added in self.added_lines)


def targets_in(tree: ast.Module, lines: tuple[int, int] | None) -> list[CountedFunction]:
    """The function that begins within these lines; without lines all functions but `main`."""
    found = list(_functions(tree.body, "", None))
    if lines is None:
        return [target for target in found if target.node.name not in _MAIN]
    first, last = lines
    inside = [target for target in found if first <= target.node.lineno <= last]
    return inside[:1]


def _functions(body: Sequence[ast.stmt], scope: str | None, owner: ast.ClassDef | None) -> Iterator[CountedFunction]:
    """All functions below, outer ones first; `scope` is None where names can't be reached from outside."""
    for node in body:
        if isinstance(node, FunctionNode):
            yield CountedFunction(node, "" if scope is None else scope + node.name, _bound(node, owner), _maker(owner))
            yield from _functions(node.body, None, None)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, None if scope is None else f"{scope}{node.name}.", node)
        else:
            for name in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(node, name, None) or (), scope, owner)
            for handler in getattr(node, "handlers", ()):
                yield from _functions(handler.body, scope, owner)


def _bound(node: FunctionNode, owner: ast.ClassDef | None) -> Bound:
    if owner is None:
        return ""
    marks = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
    if "staticmethod" in marks:
        return ""
    return "class" if "classmethod" in marks else "instance"


def _maker(owner: ast.ClassDef | None) -> FunctionNode | None:
    body = owner.body if owner is not None else ()
    return next((node for node in body if isinstance(node, FunctionNode) and node.name == "__init__"), None)


def counted(program: str, lines: tuple[int, int] | None, call: str) -> CountedProgram | None:
    """The program with `call` at the head of its functions, or of the one in these lines; None if it does not parse."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    targets = targets_in(tree, lines)
    text, added = _with_calls(program, [target.node for target in targets], call)
    reachable = [target for target in targets if target.name and not target.node.name.startswith("__")]
    return CountedProgram(text, added, tuple(reachable[:_CALLED_AT_MOST]), len(targets))


def _with_calls(program: str, nodes: Sequence[FunctionNode], call: str) -> tuple[str, tuple[int, ...]]:
    lines = [line.encode("utf-8", "surrogatepass") for line in program.split("\n")]
    added = []
    for line, column, text, is_line in sorted((_place(node, call) for node in nodes), reverse=True):
        if is_line:
            before = lines[line - 1]
            lines.insert(line - 1, before[: len(before) - len(before.lstrip())] + text.encode())
            added.append(line)
        else:
            there = lines[line - 1]
            lines[line - 1] = there[:column] + text.encode() + there[column:]
    # Counted from the bottom up: each added line moves those added before it.
    numbers = tuple(line + above for above, line in enumerate(sorted(added)))
    return b"\n".join(lines).decode("utf-8", "surrogatepass"), numbers


def _place(node: FunctionNode, call: str) -> tuple[int, int, str, bool]:
    """Line, column in bytes and text of the call, and whether it is a line of its own."""
    body = node.body
    doc = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    if doc and len(body) == 1:
        return body[0].end_lineno or 0, body[0].end_col_offset or 0, f"; {call}", False
    first = body[1 if doc else 0]
    if hasattr(first, "body") or isinstance(first, ast.Match):
        line = min([first.lineno, *(mark.lineno for mark in getattr(first, "decorator_list", ()))])
        return line, 0, call, True
    return first.lineno, first.col_offset, f"{call}; ", False
