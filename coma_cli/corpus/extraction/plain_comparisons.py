"""Rewrites trusted tests that run in the program's own process so that no class of the program decides a comparison.

A class whose `__eq__` is always true would pass every `assert f(x) == y`. In the rewritten tests each comparison first
takes its operands for what they are: an instance of a subclass of a built-in type counts as that type, and an instance
of any other class of the program equals only itself and what its own class calls equal. A program that changes the
interpreter can still deceive them: only split mode is proof against that.
"""

import ast
from functools import lru_cache

_COMPARE = "_coma_compare"
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_HELPERS = """
def _coma_compare():
    import operator
    import sys

    exact = {int, float, complex, bool, str, bytes, bytearray, type(None), range}
    collections_of_items = (list, tuple, set, frozenset)
    to_base = [
        (str, str.__str__), (int, lambda v: int.__add__(v, 0)), (float, lambda v: float.__mul__(v, 1.0)),
        (list, lambda v: list(list.__iter__(v))), (tuple, lambda v: tuple(tuple.__iter__(v))),
        (dict, lambda v: dict(dict.items(v))), (set, lambda v: set(set.__iter__(v))),
        (frozenset, lambda v: frozenset(frozenset.__iter__(v))), (bytes, lambda v: bytes.__add__(v, b"")),
        (bytearray, lambda v: bytearray.__add__(v, b"")), (complex, lambda v: complex.__mul__(v, 1)),
    ]
    libraries = {"builtins", "collections", "datetime", "decimal", "fractions", "itertools", "numpy", "pandas", "re"}

    class Own:
        def __init__(self, value):
            self.value = value

        def __eq__(self, other):
            if type(other) is not Own or type(other.value) is not type(self.value):
                return False
            return self.value is other.value or self.value == other.value

        def __hash__(self):
            return hash(type(self.value))

    def order(name):
        def compare(self, other):
            if type(other) is not Own or type(other.value) is not type(self.value):
                return NotImplemented
            return getattr(operator, name)(self.value, other.value)
        return compare

    for name in ("lt", "le", "gt", "ge"):
        setattr(Own, f"__{name}__", order(name))

    def of_a_library(kind):
        module = sys.modules.get(kind.__module__)
        return kind.__module__.partition(".")[0] in libraries and getattr(module, kind.__qualname__, None) is kind

    def plain(value):
        kind = type(value)
        if kind in exact:
            return value
        if kind in collections_of_items:
            return value if all(type(item) in exact for item in value) else kind(plain(item) for item in value)
        if kind is dict:
            return {plain(key): plain(item) for key, item in value.items()}
        if not kind.__flags__ & (1 << 9) or of_a_library(kind):  # no class statement has made it
            return value
        for base, convert in to_base:
            if issubclass(kind, base):
                return plain(convert(value))
        return Own(value)

    def holds(items, value):
        items = plain(items)
        if type(items) is Own:
            return any(value == plain(item) for item in items.value)
        return value in items

    operators = {
        "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
        "in": lambda value, items: holds(items, value), "not in": lambda value, items: not holds(items, value),
    }

    def compare(names, *operands):
        result = True
        for name, left, right in zip(names, operands, operands[1:]):
            if name in ("is", "is not"):
                result = (left is right) is (name == "is")
            else:
                result = operators[name](plain(left), right if name.endswith("in") else plain(right))
            if len(names) > 1 and not result:
                return result
        return result

    return compare


_coma_compare = _coma_compare()
"""


class _Rewriter(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return node
        names = ast.Tuple([ast.Constant(_OPERATORS[type(op)]) for op in node.ops], ast.Load())
        return ast.Call(ast.Name(_COMPARE, ast.Load()), [names, node.left, *node.comparators], [])


@lru_cache(maxsize=256)
def comparing_plainly(tests: str) -> str:
    """The same tests with each comparison made of plain values; those that are not Python are returned unchanged."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tests
    tree = _Rewriter().visit(tree)
    after = sum(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    tree.body[after:after] = ast.parse(_HELPERS).body
    return f"{ast.unparse(ast.fix_missing_locations(tree))}\n"
