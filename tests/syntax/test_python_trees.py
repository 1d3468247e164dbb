import ast
from pathlib import Path

import coma_cli
from coma_cli.languages import parse_python, python_tree
from coma_cli.syntax.python_trees import nodes_of, statements_of

FILES = sorted(Path(coma_cli.__file__).parent.glob("syntax/*.py"))
MORE = """
match command:
    case {"go": place, **rest} if place:
        x: int = 1
    case [1, *others] | Point(x=0, y=None):
        pass
try:
    async def f(a, /, b=1, *c, d: int = 2, **e):
        async with a as b, c:
            global g
            await b
except* (A, B) as error:
    del x
else:
    lambda x: (yield)
finally:
    [n for n in range(3) if not n < 2 < 1]
while True:
    x += f"{x!r:>{width}}"
else:
    raise A from None
"""


def sources():
    return [*(path.read_text(encoding="utf-8") for path in FILES), MORE]


def test_nodes_come_as_ast_walk_gives_them_without_operators_and_contexts():
    left_out = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
    for source in sources():
        tree = ast.parse(source)
        assert nodes_of(tree) == [node for node in ast.walk(tree) if not isinstance(node, left_out)]


def test_statements_come_as_ast_walk_gives_them():
    kinds = (ast.mod, ast.stmt, ast.excepthandler, ast.match_case)
    for source in sources():
        tree = ast.parse(source)
        assert list(statements_of(tree)) == [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_a_shared_tree_is_made_once_and_an_own_one_each_time():
    code = "print(1 + 1)"
    assert python_tree(code) is python_tree(code)
    assert parse_python(code) is not parse_python(code)
    assert ast.dump(python_tree(code)) == ast.dump(ast.parse(code))
    assert python_tree("print(") is None
