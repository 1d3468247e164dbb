"""Rewrites a program so that it counts its own steps: each call of a function and each turn of a loop is one.

Counting in the program is several times faster than tracing its lines, and as independent of the machine's speed.
"""

import ast

STEP = "_coma_step"  # the function that is called at each step; it returns None, or ends the program


class _Counting(ast.NodeTransformer):
    def _in_body(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body.insert(0, ast.Expr(_step()))
        return node

    visit_For = visit_AsyncFor = visit_While = visit_FunctionDef = visit_AsyncFunctionDef = _in_body  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        node.body = ast.BoolOp(ast.Or(), [_step(), node.body])
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs.insert(0, ast.UnaryOp(ast.Not(), _step()))
        return node


def _step() -> ast.Call:
    return ast.Call(ast.Name(STEP, ast.Load()), [], [])


def counting_steps(program: str) -> str:
    """The program with calls of `STEP`.

    Raises:
        SyntaxError: it does not parse.
    """
    return ast.unparse(ast.fix_missing_locations(_Counting().visit(ast.parse(program))))
