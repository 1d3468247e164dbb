"""Writes the statements of a program in a form that its names and the order of its statements do not change.

Each statement becomes a text with `$` for the program's own names. The statements of a block are sorted by these texts,
and then the names are numbered in the order in which they occur: programs have the same result if they consist of the
same statements and use their variables in the same way, whatever these are called.

Expressions are normalized on the way: `a > b` is `b < a`, `not a == b` is `a != b`, a generator is a list, `list(map(
lambda v: e, xs))` and `list(filter(...))` are comprehensions, `range(0, n)` is `range(n)`.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from coma_cli.corpus.decontamination.collecting import BUILTIN, negated
from coma_cli.corpus.decontamination.rewriting import DEFINITIONS
from coma_cli.corpus.decontamination.variables import OWN

_NO_WEIGHT = frozenset({ast.arguments, ast.arg, ast.Expr, ast.Return, ast.comprehension, ast.keyword})
_NOT_WRITTEN = frozenset(
    {"ctx", "annotation", "returns", "type_comment", "simple", "kind", "decorator_list", "type_params", "is_async"}
)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_SWAPPED: dict[type[ast.cmpop], str] = {ast.Gt: "Lt", ast.GtE: "LtE"}
_DEEPEST = 60  # expressions that variables used once stand for, one within the other


class Shape(NamedTuple):
    """A body without its names. `weight` counts the distinctive rest: operations, calls, literals, ...

    `names` are the names that it has lost, in the order in which they first occur in the text.
    """

    text: str
    weight: int
    names: tuple[str, ...] = ()


class Names(NamedTuple):
    """Which names a program defines, what its import aliases mean, and which variables stand for an expression.

    With `bare` all names but called ones and those in `known` count as the program's own.
    """

    given: Set[str]
    attributes: Set[str]
    imports: Mapping[str, str]
    inlined: Mapping[str, ast.expr]
    known: Set[str]
    bare: bool


class _Written(NamedTuple):
    """A statement: its text (that of its first line, if it has blocks), its own names in order, and its blocks."""

    text: str
    names: Sequence[str]
    blocks: Sequence[Sequence["_Written"]]
    key: str


def shape_of(statements: Sequence[ast.stmt], names: Names) -> Shape:
    """The shape of some statements in normal form."""
    writer = _Writer(names)
    written = writer.block(statements)
    numbers: dict[str, int] = {}
    order = [numbers.setdefault(name, len(numbers)) for name in _in_order(written, _uses(written))]
    said = tuple(name.partition(OWN)[0] for name in numbers)
    return Shape(f"{_key(written)}|{','.join(map(str, order))}", writer.weight, said)


def _key(block: Sequence[_Written]) -> str:
    return ";".join(sorted(one.key for one in block))


def _uses(block: Sequence[_Written]) -> dict[str, list[tuple[str, int]]]:
    """Where each name occurs: in which statements, and where in them."""
    uses: dict[str, list[tuple[str, int]]] = {}
    stack = list(block)
    while stack:
        one = stack.pop()
        for place, name in enumerate(one.names):
            uses.setdefault(name, []).append((one.text, place))
        for inner in one.blocks:
            stack.extend(inner)
    return uses


def _in_order(block: Sequence[_Written], uses: Mapping[str, Sequence[tuple[str, int]]]) -> Iterator[str]:
    """The names in the order of the sorted statements; equal ones are told apart by what else their names occur in."""
    keys = [one.key for one in block]
    if len(set(keys)) == len(keys):
        ordered = sorted(block, key=lambda one: one.key)
    else:
        ordered = sorted(block, key=lambda one: (one.key, [sorted(uses[name]) for name in one.names]))
    for one in ordered:
        yield from one.names
        for inner in one.blocks:
            yield from _in_order(inner, uses)


class _Writer:
    """Writes statements, and counts their weight."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._out: list[str] = []
        self._found: list[str] = []
        self._depth = 0
        self.weight = 0

    def block(self, statements: Sequence[ast.stmt]) -> list[_Written]:
        """A block of statements."""
        return [self._statement(one) for one in statements]

    def _statement(self, node: ast.AST) -> _Written:
        out: list[str] = [type(node).__name__]
        found: list[str] = []
        self._out, self._found = out, found
        self.weight += type(node) not in _NO_WEIGHT
        blocks: list[list[ast.stmt]] = []
        for field in node._fields:
            value = getattr(node, field, None)
            if field in _BLOCKS and isinstance(value, list):
                blocks.append(value)
            elif field not in _NOT_WRITTEN:
                self._field(value, called=False)
        if isinstance(node, DEFINITIONS):
            found.insert(0, node.name)
        text = " ".join(out)
        written = [self.block(one) for one in blocks]
        key = f"{text}{{{'}{'.join(_key(one) for one in written)}}}" if blocks else text
        return _Written(text, found, written, key)

    def _field(self, value: object, *, called: bool) -> None:
        if isinstance(value, ast.AST):
            self.expression(value, called=called)
        elif isinstance(value, list):
            self._out.append("[")
            for one in value:
                self._field(one, called=False)
            self._out.append("]")
        elif isinstance(value, str):
            self._name(value, called=False)
        elif value is not None:
            self._out.append(repr(value))

    def _keep(self, name: str) -> None:
        self._out.append(name)
        self.weight += 1

    def _name(self, name: str, *, called: bool) -> None:
        names = self._names
        if name.startswith(BUILTIN):
            self._keep(name.removeprefix(BUILTIN))
        elif name in names.imports:
            self._keep(names.imports[name])
        elif OWN in name or name in names.given or (names.bare and not called and name not in names.known):
            self._out.append("$")
            self._found.append(name)
        else:
            self._keep(name)

    def expression(self, node: ast.AST, *, called: bool = False) -> None:
        """Add an expression."""
        kind = type(node)
        if kind is ast.Name:
            self._variable(node.id, called=called)  # type: ignore[attr-defined]
        elif kind is ast.Constant:
            self._keep(repr(node.value))  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            self._attribute(node.attr)  # type: ignore[attr-defined]
            self.expression(node.value)  # type: ignore[attr-defined]
        elif kind is ast.arg:
            self._name(node.arg, called=False)  # type: ignore[attr-defined]
        else:
            simple = _simplified(node)
            if simple is not None:
                self.expression(simple)
            elif kind is ast.Compare:
                self._comparison(node)  # type: ignore[arg-type]
            else:
                self._other(node, kind)

    def _other(self, node: ast.AST, kind: type[ast.AST]) -> None:
        self._out.append("ListComp" if kind is ast.GeneratorExp else kind.__name__)
        self.weight += kind not in _NO_WEIGHT and bool(node._fields)
        for field in node._fields:
            if field in _NOT_WRITTEN:
                continue
            value = getattr(node, field, None)
            if field == "ifs":
                value = [part for test in node.ifs for part in _parts(test)]  # type: ignore[attr-defined]
            self._field(value, called=field == "func")
        self._out.append(")")

    def _variable(self, name: str, *, called: bool) -> None:
        meant = self._names.inlined.get(name)
        if meant is None or self._depth > _DEEPEST:
            self._name(name, called=called)
            return
        self._depth += 1
        self.expression(meant, called=called)
        self._depth -= 1

    def _attribute(self, name: str) -> None:
        self._out.append(".")
        if name in self._names.attributes:
            self._out.append("$")
            self._found.append(name)
        else:
            self._keep(name)

    def _comparison(self, node: ast.Compare) -> None:
        swapped = _SWAPPED.get(type(node.ops[0])) if len(node.ops) == 1 else None
        self.weight += 1
        if swapped is None:
            self._out.extend(("Compare", *(type(op).__name__ for op in node.ops)))
            values = [node.left, *node.comparators]
        else:
            self._out.extend(("Compare", swapped))
            values = [node.comparators[0], node.left]
        for value in values:
            self.expression(value)
        self._out.append(")")


def _parts(test: ast.expr) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for value in test.values for part in _parts(value)]
    return [test]


def _simplified(node: ast.AST) -> ast.AST | None:
    """The expression that says the same as this one and is the normal form of it; None if it is that already."""
    kind = type(node)
    if kind is ast.Call:
        return _simple_call(node)  # type: ignore[arg-type]
    if kind is ast.UnaryOp:
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return ast.Constant(-value)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                opposite = negated(operand)
                return None if isinstance(opposite, ast.UnaryOp) else opposite
    if kind is ast.Slice:
        match node:
            case ast.Slice(lower=ast.Constant(value=0), upper=upper, step=step):
                return ast.Slice(None, upper, step)
    return None


def _simple_call(node: ast.Call) -> ast.AST | None:
    match node:
        case ast.Call(func=ast.Name(id="list"), args=[ast.ListComp() | ast.GeneratorExp() as made], keywords=[]):
            return made
        case ast.Call(func=ast.Name(id="list"), args=[ast.Call(func=ast.Name(id="map" | "filter")) as made]) if (
            _simple_call(made) is not None
        ):
            return _simple_call(made)
        case ast.Call(func=ast.Name(id="list"), args=[], keywords=[]):
            return ast.List([], ast.Load())
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=[]):
            return ast.Dict([], [])
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0), end], keywords=[]):
            return ast.Call(node.func, [end], [])
        case ast.Call(
            func=ast.Name(id="map" | "filter" as name),
            args=[ast.Lambda(args=ast.arguments(args=[ast.arg(arg=variable)]), body=body), values],
        ):
            each = ast.Name(variable, ast.Load())
            tests = [] if name == "map" else [body]
            return ast.ListComp(body if name == "map" else each, [ast.comprehension(each, values, tests, 0)])
    return None
