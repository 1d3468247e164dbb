"""The functions in a text that may hold several: a file, an answer with its examples, a class."""

import ast

from coma_cli.formats.text import unify
from coma_cli.languages import python_tree
from coma_cli.syntax.finding import found_functions
from coma_cli.syntax.grammars import GRAMMARS
from coma_cli.syntax.python_trees import statements_of
from coma_cli.syntax.trees import parse

_MOST_CHARS = 100_000


def contained_functions(language: str, text: str) -> list[str]:
    """The texts of the functions and methods in a text, of Python also the nested ones; comments may be missing.

    None in other languages, in Python that does not parse, and in very long texts.
    """
    if len(text) > _MOST_CHARS:
        return []
    if language == "python":
        return _of_python(unify(text)) if "def " in text else []
    if language not in GRAMMARS or not ("{" in text or "def " in text):  # most snippets; parsing takes longer
        return []
    tree = parse(language, unify(text))
    if tree is None:
        return []
    nodes = (node for found in found_functions(tree) for node in (found.node, found.whole))
    return list(dict.fromkeys(tree.text(node) for node in nodes))


def _of_python(text: str) -> list[str]:
    module = python_tree(text)
    if module is None:
        return []
    lines = text.split("\n")
    nodes = (node for node in statements_of(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in nodes]
