"""Finds Python in a model's text: fenced blocks, the longest part that parses, what a program defines.

Only syntax is checked; nothing is run. Every function returns a result for any text, however malformed or malicious.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from coma_cli.formats.fences import Fence, answer_blocks
from coma_cli.formats.text import unify as unify  # a part of this module's interface

MAX_PARSED_CHARS = 100_000  # a parsed file takes about 600 times its size in memory
_REMEMBERED, _MAX_REMEMBERED_CHARS = 4, 8_000  # trees of the texts looked at last: some 20 MB at the most
_MAX_ATTEMPTS = 12
_MAX_FENCES = 40

_CODE_START = re.compile(
    r"^(?:def|class|async\s+def|import)\s+\w|^from\s+[\w.]+\s+import\b|^@\w|^[A-Za-z_]\w*\s*=\s*[^=\s]", re.MULTILINE
)
_NO_STATEMENT = re.compile(r"[\s#)\]}'\"]|(?:else|elif|except|finally)\b")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def fences(text: str) -> list[Fence]:
    """The first fenced blocks of a text, in order; one that is never closed reaches to the end."""
    return list(islice(answer_blocks(text), _MAX_FENCES))


def parse(source: str) -> ast.Module | SyntaxError | None:
    """The syntax tree; the error that tells where it stops being Python; None where there is no such place.

    Several steps look at the same text one after the other, and get the same tree: nobody may change it.
    """
    if len(source) > MAX_PARSED_CHARS:
        return None
    return _parse_remembering(source) if len(source) <= _MAX_REMEMBERED_CHARS else _parse(source)


def _parse(source: str) -> ast.Module | SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return error
    except (ValueError, MemoryError, RecursionError):  # NUL bytes, lone surrogates, nesting that is too deep
        return None


_parse_remembering = lru_cache(maxsize=_REMEMBERED)(_parse)


def python_prefix(source: str, keep_lines: int = 0) -> str:
    """The longest prefix of `source` that parses as Python, cut after a complete top-level statement.

    The first `keep_lines` lines are never cut; "" if even they do not parse.
    """
    if isinstance(parse(source), ast.Module):  # mostly, and the caller looks at this very text next
        return source
    lines = source.split("\n")
    end = len(lines)
    for _ in range(_MAX_ATTEMPTS):
        tree = parse("\n".join(lines[:end]) + "\n")
        if isinstance(tree, ast.Module):
            return "\n".join(lines[:end]) if end == len(lines) else "\n".join(lines[:end]) + "\n"
        if tree is None:
            return ""
        end = _statement_before(lines, min(end - 1, (tree.lineno or end) - 1))
        if end <= max(0, keep_lines - 1):
            return ""
    return ""


def python_lines(source: str, keep_lines: int = 0) -> str:
    """Like `python_prefix`, but the cut may be inside a function, for text that was truncated."""
    lines = source.split("\n")
    end = len(lines)
    for _ in range(_MAX_ATTEMPTS):
        tree = parse("\n".join(lines[:end]) + "\n")
        if isinstance(tree, ast.Module):
            return "\n".join(lines[:end]) + "\n"
        if tree is None:
            return ""
        end = min(end - 1, (tree.lineno or end) - 1)
        if end <= keep_lines:
            return ""
    return ""


def _statement_before(lines: list[str], end: int) -> int:
    """The largest index up to `end` at which a top-level statement may begin, 0 if there is none."""
    for index in range(max(0, end), 0, -1):
        if index < len(lines) and lines[index] and not _NO_STATEMENT.match(lines[index]):
            return index
    return 0


def code_starts(text: str) -> Iterator[int]:
    """Offsets of lines that look like the start of code: definitions, imports, decorators."""
    for number, hit in enumerate(_CODE_START.finditer(text)):
        if number == _MAX_ATTEMPTS:
            return
        yield hit.start()


def definition_of(tree: ast.Module, name: str) -> Definition | ast.stmt | None:
    """The first top-level statement that defines `name`."""
    return next((s for s in tree.body if name in bound_names(s)), None)


def bound_names(statement: ast.stmt) -> set[str]:
    """Names that a statement defines in its scope."""
    if isinstance(statement, Definition):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, (ast.If, ast.Try, ast.With)):
        inner = (s for s in ast.walk(statement) if isinstance(s, ast.stmt) and s is not statement)
        return set().union(*(bound_names(s) for s in inner))
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def used_names(statement: ast.AST) -> set[str]:
    """Names that are read anywhere in a statement."""
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


def body_size(statement: ast.stmt) -> int:
    """The number of statements in a function, without docstring and placeholders; 1 for anything else."""
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return 1
    idle = (
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in statement.body
    )
    return len(statement.body) - sum(idle)


def global_reads(source: str) -> dict[str, set[str]]:
    """The module-level names that each top-level function or class reads; `source` must parse."""
    import symtable

    def reads(table: symtable.SymbolTable) -> set[str]:
        own = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        return own.union(*(reads(child) for child in table.get_children()))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = symtable.symtable(source, "program", "exec")
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
    ):  # stricter than the parser: `return` outside a function
        return {}
    found: dict[str, set[str]] = {}
    for child in module.get_children():
        found.setdefault(child.get_name(), set()).update(reads(child))
    return found


def outer_reads(definition: Definition) -> set[str]:
    """Names that a definition reads when it is executed: decorators, bases, defaults, annotations."""
    if isinstance(definition, ast.ClassDef):
        parts: list[ast.AST] = [*definition.decorator_list, *definition.bases, *definition.keywords]
    else:
        parts = [*definition.decorator_list, definition.args, *([definition.returns] if definition.returns else [])]
    return set().union(*(used_names(part) for part in parts))


def without_statements(source: str, dropped: list[ast.stmt], kept: list[ast.stmt]) -> str:
    """Source without the lines of the `dropped` statements, except lines shared with a kept one."""
    if not dropped:
        return source
    shared = {line for statement in kept for line in _lines_of(statement)}
    gone = {line for statement in dropped for line in _lines_of(statement)} - shared
    lines = source.split("\n")
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)


def _lines_of(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return range(first, (statement.end_lineno or statement.lineno) + 1)
