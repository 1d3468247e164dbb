"""Copies of programs as somebody would make them who does not want to be found."""

import ast
import io
import tokenize

from coma_cli.corpus.decontamination.normalized_ast import names_given


class _Renamer(ast.NodeTransformer):
    def __init__(self, names):
        self._names = names
        self._new = {}

    def new(self, name):
        return self._new.setdefault(name, f"thing_{len(self._new)}") if name in self._names else name

    def visit_Name(self, node):
        node.id = self.new(node.id)
        return node

    def visit_arg(self, node):
        self.generic_visit(node)
        node.arg = self.new(node.arg)
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name = self.new(node.name)
        return node

    def visit_ClassDef(self, node):
        return self.visit_FunctionDef(node)


def renamed(code):
    """The same program with other names for all that it calls its own."""
    tree = ast.parse(code)
    return ast.unparse(_Renamer(names_given(ast.walk(tree)).names).visit(tree))


def _retold(code, change):
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    return tokenize.untokenize([change(token)[:2] for token in tokens])


def reindented(code):
    """The same program with seven blanks a level, and its tokens set apart."""
    return _retold(
        code, lambda token: token._replace(string=" " * 7 * _depth(token)) if token.type == tokenize.INDENT else token
    )


def _depth(token):
    width = len(token.string.expandtabs(8))
    return max(1, width)


def with_other_comments(code):
    """The same program with its comments and documentation reworded, and new ones beside it."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                node.body.pop(0)
            node.body.insert(0, ast.Expr(ast.Constant("In my own words: it does what its name says, or so I hope.")))
    lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
    return "\n".join(line if line.endswith("\\") else f"{line}  # step {number}" for number, line in enumerate(lines))


def without_question(problem):
    """The program of a problem without the description in it."""
    tree = ast.parse(problem.reference)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(node.body) > 1:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body.pop(0)
    return ast.unparse(tree)


def body_of(problem):
    """What follows the header of the function that a problem asks for, or None where it is no lone function."""
    tree = ast.parse(without_question(problem))
    asked = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == problem.entry_point), None)
    return (
        None if asked is None else "\n".join(f"    {line}" for n in asked.body for line in ast.unparse(n).splitlines())
    )
