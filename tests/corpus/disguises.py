"""Small changes of programs, and other ways to write texts, behind which a copy could hide."""

import ast
import base64
import html
import itertools
import json
import re

_LOOK_ALIKES = str.maketrans({"a": "\u0430", "e": "\u0435", "o": "\u043e", "i": "\u0456", "c": "\u0441", "p": "\u0440"})


def _functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _blocks(tree):
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _written(tree):
    return ast.unparse(ast.fix_missing_locations(tree))


def annotated(code):
    """Types for all parameters, and for variables that are assigned by themselves."""
    tree = ast.parse(code)
    for node in (one for function in _functions(tree) for one in ast.iter_child_nodes(function.args)):
        if isinstance(node, ast.arg) and node.arg != "self":
            node.annotation = ast.Name("object")
    for block in _blocks(tree):
        for place, node in enumerate(block):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                block[place] = ast.AnnAssign(node.targets[0], ast.Name("object"), node.value, 1)
    return _written(tree)


class _Written(ast.NodeTransformer):
    def visit_AugAssign(self, node):
        loaded = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.Assign([node.target], ast.BinOp(loaded, node.op, node.value))


def without_augmented_assignment(code):
    """`x = x + 1` in place of `x += 1`."""
    return _written(_Written().visit(ast.parse(code)))


def with_result_variable(code):
    """What is returned goes through a variable."""
    tree = ast.parse(code)
    for block in _blocks(tree):
        last = block[-1]
        if isinstance(last, ast.Return) and last.value is not None and not isinstance(last.value, ast.Constant):
            block[-1:] = [ast.Assign([ast.Name("outcome")], last.value), ast.Return(ast.Name("outcome"))]
    return _written(tree)


def with_prints(code):
    """Each function says that it was called, and each loop that it goes on."""
    tree = ast.parse(code)
    said = ast.parse('print("at work")').body[0]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.For, ast.While)):
            documented = isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None
            node.body.insert(int(documented), said)
    return _written(tree)


class _Pulled(ast.NodeTransformer):
    def __init__(self):
        self.values = {}

    def visit_Constant(self, node):
        if isinstance(node.value, (int, str, float)) and not isinstance(node.value, bool):
            return ast.Name(self.values.setdefault(repr(node.value), f"CONSTANT_{len(self.values)}"))
        return node

    def visit_JoinedStr(self, node):
        return node


def with_constants_outside(code):
    """The literals of functions are constants of the module."""
    tree = ast.parse(code)
    pulled = _Pulled()
    for node in _functions(tree):
        documented = ast.get_docstring(node) is not None
        node.body[documented:] = [pulled.visit(one) for one in node.body[documented:]]
    lines = [f"{name} = {value}" for value, name in pulled.values.items()]
    return "\n".join([*lines, _written(tree)])


def _simple(node):
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def with_statements_swapped(code):
    """Neighbouring assignments that do not use one another's variables change places."""
    tree = ast.parse(code)
    for block in _blocks(tree):
        for place, (one, other) in enumerate(itertools.pairwise(block)):
            if _simple(one) and _simple(other):
                names = [{n.id for n in ast.walk(node) if isinstance(n, ast.Name)} for node in (one, other)]
                if one.targets[0].id not in names[1] and other.targets[0].id not in names[0]:
                    block[place : place + 2] = [other, one]
    return _written(tree)


def in_a_class(code):
    """Each function is a method of a class."""
    tree = ast.parse(code)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.args.args.insert(0, ast.arg("self"))
    tree.body = [
        node if not isinstance(node, ast.FunctionDef) else ast.ClassDef("Helper", [], [], [node], [])
        for node in tree.body
    ]
    return _written(tree)


def with_line_numbers(code):
    """Every line with its number before it."""
    return "\n".join(f"{number:3}: {line}" for number, line in enumerate(code.splitlines(), start=1))


def in_base64(text):
    """The text in base64."""
    return base64.b64encode(text.encode()).decode()


def among_candidates(code):
    """The code as one of three candidates, as a row of code search lists them."""
    return json.dumps(["def one():\n    return 1", code, "def other():\n    return 2"])


def with_look_alikes(text):
    """Letters of another alphabet that look the same."""
    return text.translate(_LOOK_ALIKES)


def with_entities(text):
    """As HTML writes it, with non-breaking spaces."""
    words = html.escape(text).split(" ")
    return "".join(word + ("&nbsp;" if number % 4 == 3 else " ") for number, word in enumerate(words))


def with_other_name(text, name):
    """Another name for the function."""
    return re.sub(rf"\b{re.escape(name)}\b", "my_own_name", text)
