"""Generated arguments for a function, from its annotations, the names of its parameters, or a few shapes of values.

Deterministic: the same signature gives the same arguments, so that several programs can be compared on them. All
values are plain, so that they cross to the sandbox.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CASES = 10  # calls of one function at most
_DEEPEST = 3  # nested annotations; deeper ones count as unannotated

_INTS, _FLOATS = (3, 0, 1, 7, -2, 10), (1.5, 0.0, 2.0, -0.5, 10.25)
_TEXTS = ("abc", "Hello World", "", "a1 b2", "level", "12")
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "int": _INTS,
    "float": _FLOATS,
    "complex": (1 + 2j, 0j),
    "str": _TEXTS,
    "Text": _TEXTS,
    "LiteralString": _TEXTS,
    "AnyStr": _TEXTS,
    "Path": _TEXTS,
    "bool": (True, False),
    "bytes": (b"abc", b"", b"\x00\xff"),
    "None": (None,),
    "Number": (*_INTS, *_FLOATS),
}
# Parameters without annotation: each of these in turn, the same one for all parameters of a call.
_SHAPES: tuple[tuple[Any, ...], ...] = (
    _INTS,
    _TEXTS,
    ([3, 1, 2], [1, 2, 3], [5]),
    (["b", "a"], ["a"], ["x", "y"]),
    _FLOATS,
    ({"a": 1, "b": 2}, {"a": 3}),
    ([[1, 2], [3, 4]], [[1]]),
    (True, False),
)
_BY_NAME: tuple[tuple[frozenset[str], int], ...] = (
    (
        frozenset(
            [
                "n",
                "m",
                "k",
                "i",
                "j",
                "x",
                "y",
                "z",
                "a",
                "b",
                "num",
                "number",
                "count",
                "size",
                "limit",
                "index",
                "start",
                "stop",
                "step",
                "width",
                "height",
            ]
        ),
        0,
    ),
    (
        frozenset(
            [
                "s",
                "t",
                "text",
                "string",
                "name",
                "word",
                "words_text",
                "line",
                "sentence",
                "path",
                "key",
                "prefix",
                "char",
                "pattern",
                "url",
            ]
        ),
        1,
    ),
    (
        frozenset(
            [
                "nums",
                "numbers",
                "values",
                "items",
                "data",
                "arr",
                "array",
                "lst",
                "list_",
                "xs",
                "ys",
                "l",
                "sequence",
                "seq",
                "elements",
                "args",
            ]
        ),
        2,
    ),
    (frozenset(["words", "names", "strings", "lines", "texts", "keys", "labels"]), 3),
    (frozenset(["d", "dct", "dictionary", "mapping", "config", "params", "options", "table", "dict_", "kwargs"]), 5),
    (frozenset(["matrix", "grid", "rows", "board"]), 6),
    (frozenset(["flag", "verbose", "reverse", "strict", "debug"]), 7),
)
_LISTS = frozenset(
    ["list", "List", "Sequence", "Iterable", "Collection", "Iterator", "MutableSequence", "Generator", "deque", "Deque"]
)
_SETS = {"set": set, "Set": set, "AbstractSet": set, "MutableSet": set, "frozenset": frozenset, "FrozenSet": frozenset}
_MAPPINGS = frozenset(
    ["dict", "Dict", "Mapping", "MutableMapping", "DefaultDict", "defaultdict", "OrderedDict", "Counter"]
)
_TRANSPARENT = frozenset(["Annotated", "Final", "ClassVar", "Required", "NotRequired"])


@dataclass(frozen=True)
class Arguments:
    """Arguments of one call; `made_with` are those that make the instance for a method."""

    positional: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None
    made_with: tuple[Any, ...] = ()

    def as_literal(self) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """Plain values whose `repr` is source text."""
        return list(self.positional), dict(self.keywords or {}), list(self.made_with)


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def cases_for(function: _Function, *, bound: bool = False, maker: _Function | None = None) -> list[Arguments]:
    """Arguments for up to `CASES` calls. `bound`: the first parameter is given by Python; `maker` is `__init__`."""
    found: dict[str, Arguments] = {}
    for number in range(CASES):
        made_with = _positional(maker.args, number, bound=True) if maker is not None else ()
        case = Arguments(_positional(function.args, number, bound=bound), _keywords(function.args, number), made_with)
        found.setdefault(repr(case), case)
    return list(found.values())


def _positional(arguments: ast.arguments, number: int, *, bound: bool) -> tuple[Any, ...]:
    parameters = [*arguments.posonlyargs, *arguments.args][1 if bound else 0 :]
    needed = len(parameters) - min(len(arguments.defaults), len(parameters))
    # Parameters with a default keep it in the first call.
    given = parameters[:needed] if number == 0 else parameters
    return tuple(_value(parameter, number, place) for place, parameter in enumerate(given))


def _keywords(arguments: ast.arguments, number: int) -> dict[str, Any]:
    needed = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {p.arg: _value(p, number, place) for place, (p, default) in enumerate(needed) if default is None}


def _value(parameter: ast.arg, number: int, place: int) -> Any:
    values = _values(parameter.annotation, 0)
    if values is None:
        # By name first, then each shape for all parameters at once.
        shape = _shape_of(parameter.arg) if number == 0 else None
        values = _SHAPES[(number - 1) % len(_SHAPES) if shape is None else shape]
        return values[place % len(values)]
    return values[(number + place) % len(values)]


def _shape_of(name: str) -> int:
    return next((shape for names, shape in _BY_NAME if name.strip("_").lower() in names), 0)


def _values(annotation: ast.expr | None, depth: int) -> tuple[Any, ...] | None:
    """Values of a type, None where nothing is known of it."""
    if annotation is None or depth > _DEEPEST:
        return None
    if isinstance(annotation, ast.Constant):
        return _of_constant(annotation, depth)
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _of_union((annotation.left, annotation.right), depth)
    if isinstance(annotation, ast.Subscript):
        return _of_generic(annotation, depth)
    name = _name(annotation)
    if name in _PLAIN:
        return _PLAIN[name]
    return _container(name, (), depth)


def _of_constant(annotation: ast.Constant, depth: int) -> tuple[Any, ...] | None:
    if annotation.value is None:
        return (None,)
    if not isinstance(annotation.value, str):
        return None
    try:  # an annotation in quotes
        return _values(ast.parse(annotation.value, mode="eval").body, depth + 1)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _of_union(members: Sequence[ast.expr], depth: int) -> tuple[Any, ...] | None:
    found = [values for member in members if (values := _values(member, depth + 1)) is not None]
    longest = max(map(len, found), default=0)
    return tuple(values[i] for i in range(longest) for values in found if i < len(values)) or None


def _of_generic(annotation: ast.Subscript, depth: int) -> tuple[Any, ...] | None:
    name = _name(annotation.value)
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if name in ("Optional", "Union"):
        none: list[ast.expr] = [ast.Constant(None)] if name == "Optional" else []
        return _of_union([*inner, *none], depth)
    if name == "Literal":
        return tuple(node.value for node in inner if isinstance(node, ast.Constant)) or None
    if name in _TRANSPARENT:
        return _values(inner[0], depth + 1)
    return _container(name, inner, depth)


def _container(name: str, inner: Sequence[ast.expr], depth: int) -> tuple[Any, ...] | None:
    def of(index: int, default: tuple[Any, ...]) -> tuple[Any, ...]:
        return (_values(inner[index], depth + 1) if index < len(inner) else None) or default

    if name in _LISTS:
        return _lists(of(0, _INTS), list)
    if name in _SETS:
        return _lists(tuple(filter(_hashes, of(0, _INTS))) or _INTS, _SETS[name])
    if name in _MAPPINGS:
        keys = tuple(filter(_hashes, of(0, _TEXTS))) or _TEXTS
        values = _INTS if name == "Counter" else of(1, _INTS)
        return tuple({keys[i % len(keys)]: values[i % len(values)] for i in range(size)} for size in (2, 0, 1, 4))
    if name in ("tuple", "Tuple"):
        return _tuples(inner, depth)
    return None


def _lists(values: tuple[Any, ...], kind: Callable[[Sequence[Any]], Any]) -> tuple[Any, ...]:
    return (kind(values[:3]), kind(values[:1]), kind(values), kind(()))


def _tuples(inner: Sequence[ast.expr], depth: int) -> tuple[Any, ...]:
    if not inner or (isinstance(inner[-1], ast.Constant) and inner[-1].value is ...):
        return _lists((_values(inner[0], depth + 1) if inner else None) or _INTS, tuple)
    parts = [_values(part, depth + 1) or _INTS for part in inner]
    return tuple(tuple(part[(turn + at) % len(part)] for at, part in enumerate(parts)) for turn in range(4))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _hashes(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
