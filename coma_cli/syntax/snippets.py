"""Whether a snippet from a post is code: not what a program prints, a file's content, a transcript or prose."""

import ast
import re
import textwrap

from coma_cli.languages import parse_python
from coma_cli.syntax.python_dialects import is_python2
from coma_cli.syntax.sql_dialects import is_sql_dialect, starts_like_sql, without_texts
from coma_cli.syntax.trees import bytes_in_error, parse

_MOST_IN_ERROR = 0.5  # of a snippet in a language other than Python and SQL: a part of a statement still counts as code
# A line of a session, a traceback, a command of a shell, or a table that a client of a database prints.
_SESSION = re.compile(
    r"^[ \t]*(?:>>> |In ?\[\d+\]:|Out ?\[\d+\]:|mysql> |SQL> |sqlite> |\w+[=-][#>] |MariaDB \[|\$ \w|C:\\\S*>"
    r"|Traceback \(|\w*(?:Error|Exception): |Msg \d+, Level|ORA-\d{5}|\d+ rows? (?:in set|affected|selected)|Query OK,"
    r"|\(\d+ rows?(?: affected\)|\)))",
    re.MULTILINE,
)
_TABLE = re.compile(r"^[ \t]*(?:\+[-=+]{3,}|\|[^|\n]*\|[^|\n]*\||-{3,}[ |+\t]+-{3,})", re.MULTILINE)
# Values with Python 2's long integers on a line of their own, such as `[1L, 2L]`.
_OUTPUT_LINE = re.compile(r"^[\[({][\[({\d\s,L'\"]*\dL[\])}\d\s,L]*[\])}]$", re.MULTILINE)
_TEMPLATE = re.compile(r"\s*\{[{%]")  # of Jinja or Django, which the grammar takes for a set of sets
# What takes the place of omitted code.
_PLACEHOLDER = re.compile(r"\.{3}|…|<<[^>\n]+>>|<[a-z]+(?:[ _-][a-z]+)+>", re.IGNORECASE)
_SIGNS = re.compile(r"[(){}\[\];=<>]")  # prose has hardly any
_VALUES = (
    ast.Constant,
    ast.Name,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.UnaryOp,
    ast.JoinedStr,
    ast.FormattedValue,
)
_PARTS = (ast.expr_context, ast.unaryop, ast.operator)


def snippet_fault(language: str, code: str) -> str | None:
    """What is wrong with a snippet that is not code in its language; None for code."""
    if language in ("python", "python2"):
        return _python_fault(code)
    if _SESSION.search(code) or _TABLE.search(code):
        return "a session or its output"
    tree = parse(language, code)
    if tree is None or (language != "sql" and not tree.has_error):
        return None
    if language == "sql":
        known = starts_like_sql(code) and (not tree.has_error or is_sql_dialect(code))
        return None if known and not _PLACEHOLDER.search(without_texts(code)) else "does not parse"
    is_part = _SIGNS.search(code) and bytes_in_error(tree.root) <= _MOST_IN_ERROR * len(tree.source)
    return None if is_part else "does not parse"


def _python_fault(code: str) -> str | None:
    if _TEMPLATE.match(code):
        return "a template"
    module = parse_python(textwrap.dedent(code))
    if module is None:
        if is_python2(textwrap.dedent(code)):
            return "a session or its output" if _OUTPUT_LINE.search(code) else None
        return "a session or its output" if _SESSION.search(code) else "does not parse"
    if not module.body:
        return "only comments"
    if _is_data(module):
        return "only values"
    return "a session or its output" if any(map(_is_output, module.body[1:])) else None


def _is_output(statement: ast.stmt) -> bool:
    """Whether a statement is a value that a program prints: a number, or a list and the like of such values."""
    if not isinstance(statement, ast.Expr):
        return False
    inner = [node for node in ast.walk(statement) if node is not statement]
    values = (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, *_PARTS)
    shown = not isinstance(statement.value, ast.Constant) or isinstance(statement.value.value, int | float)
    return shown and all(isinstance(node, values) for node in inner)


def _is_data(module: ast.Module) -> bool:
    """Whether a program computes nothing: values, names, and lines of names and numbers joined by operators."""
    if not all(isinstance(statement, ast.Expr) for statement in module.body):
        return False
    joined = (ast.BinOp,) if len(module.body) > 1 else ()
    inner = (node for statement in module.body for node in ast.walk(statement) if node is not statement)
    return all(isinstance(node, (*_VALUES, *_PARTS, *joined)) for node in inner)
