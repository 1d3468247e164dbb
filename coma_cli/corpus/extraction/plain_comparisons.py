"""Rewrites trusted tests that run in the program's own process so that no class of the program decides a comparison.

A class whose `__eq__` is always true would pass every `assert f(x) == y`. In the rewritten tests each comparison is a
call of `compare`, which the process of the program provides. A program that changes the interpreter can still deceive
them: only split mode is proof against that.
"""

import ast
from functools import lru_cache

from coma_cli.sandbox.inside.zygotes.plain_comparison import NAME

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
# What most nodes and values of fields are, with nothing below them.
_LEAVES = frozenset((ast.Constant, ast.Name, ast.Load, ast.Store, str, type(None)))


def plain_tree(tests: str) -> ast.Module:
    """The tree of the same tests with each comparison made of plain values.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: they are not Python.
    """
    tree = ast.parse(tests)
    # Tests may be a hundred thousand literals, on which a NodeTransformer takes several times longer.
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                below = [one for one in value if type(one) not in _LEAVES and isinstance(one, ast.AST)]
                if any(type(one) is ast.Compare for one in below):
                    value[:] = [_plain(one) if type(one) is ast.Compare else one for one in value]
                    below = [one for one in value if isinstance(one, ast.AST)]
                left += below
            elif type(value) not in _LEAVES and isinstance(value, ast.AST):
                if type(value) is ast.Compare:
                    value = _plain(value)
                    setattr(node, name, value)
                left.append(value)
    return tree


def _plain(node: ast.Compare) -> ast.expr:
    if all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
        return node
    names: list[ast.expr] = [ast.copy_location(ast.Constant(_OPERATORS[type(op)]), node) for op in node.ops]
    operators = ast.copy_location(ast.Tuple(names, ast.Load()), node)
    function = ast.copy_location(ast.Name(NAME, ast.Load()), node)
    return ast.copy_location(ast.Call(function, [operators, node.left, *node.comparators], []), node)


@lru_cache(maxsize=256)
def comparing_plainly(tests: str) -> str:
    """The same tests with each comparison made of plain values; those that are not Python are returned unchanged."""
    try:
        tree = plain_tree(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tests
    return f"{ast.unparse(tree)}\n"
