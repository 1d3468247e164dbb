"""Decides which tests may run in the checker itself, one after the other, and which need their own process.

Tests are trusted not to be malicious, but not to be free of side effects: some seed a generator or modify a module.
Those that clearly have no side effects run in the checker itself, which saves a fork per program; all others run in a
fork of it. When in doubt, fork.
"""

from __future__ import annotations

import ast

_TIDY_MODULES = frozenset(
    [
        "bisect",
        "cmath",
        "collections",
        "copy",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "heapq",
        "itertools",
        "math",
        "numbers",
        "numpy",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "typing",
        "__future__",
    ]
)
_UNTIDY_NAMES = frozenset(
    [
        "__builtins__",
        "__import__",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "exit",
        "globals",
        "help",
        "input",
        "locals",
        "open",
        "quit",
        "setattr",
        "vars",
    ]
)
_UNTIDY_ATTRIBUTES = frozenset(
    [
        "__dict__",
        "__setattr__",
        "cache_clear",
        "environ",
        "getcontext",
        "modules",
        "path",
        "register",
        "seterr",
        "set_printoptions",
        "setcontext",
        "setlocale",
        "setrecursionlimit",
        "setstate",
        "settrace",
    ]
)


def runs_tidily(*texts: str) -> bool:
    """Whether executing these texts with fresh globals leaves the interpreter unchanged."""
    if imports("numpy", *texts) and imports("random", *texts):
        # numpy's generator has its own state; the checker reseeds `random` for each program.
        return False
    try:
        return all(_is_tidy(node) for text in texts for node in ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_tidy(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name.split(".")[0] in _TIDY_MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in _TIDY_MODULES
    if isinstance(node, ast.Name):
        return node.id not in _UNTIDY_NAMES
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Load) and node.attr not in _UNTIDY_ATTRIBUTES
    return True


def imports(name: str, *texts: str) -> bool:
    """Whether any of the texts mentions this module."""
    return any(name in text for text in texts)
