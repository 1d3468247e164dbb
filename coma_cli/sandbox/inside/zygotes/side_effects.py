"""Which tests may run in the checker itself, one after the other, and which need a process of their own.

Tests are trusted to mean well, not to tidy up: some seed a generator or change a module. Those that can be seen not to
leave anything behind run in the checker itself, which saves a fork for each program; all others run in a fork of it.
When in doubt the answer is a fork.
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
    """Whether these texts, executed with fresh globals, leave the interpreter as they found it."""
    if imports("numpy", *texts) and imports("random", *texts):
        # The state of numpy's generator is its own; that of `random` the checker sets anew for each program.
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
    """Whether a text names this module at all."""
    return any(name in text for text in texts)
