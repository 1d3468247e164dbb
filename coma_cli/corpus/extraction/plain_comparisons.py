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


class _Rewriter(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return node
        names = ast.Tuple([ast.Constant(_OPERATORS[type(op)]) for op in node.ops], ast.Load())
        return ast.Call(ast.Name(NAME, ast.Load()), [names, node.left, *node.comparators], [])


@lru_cache(maxsize=256)
def comparing_plainly(tests: str) -> str:
    """The same tests with each comparison made of plain values; those that are not Python are returned unchanged."""
    try:
        tree = _Rewriter().visit(ast.parse(tests))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tests
    return f"{ast.unparse(ast.fix_missing_locations(tree))}\n"
