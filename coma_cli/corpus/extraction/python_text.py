"""Finds Python in text that a model wrote: where strings lie, which statements parse, what they define and read.

Only syntax is looked at; nothing is run. Every function gives an answer for any text, however broken or hostile, in
time that grows linearly with the text.
"""

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_PARSED_CHARS = 100_000  # a parsed file takes about 600 times its size in memory
_MOST_REMEMBERED_CHARS = 10_000  # so that the remembered trees take at most 100 MB
_MAX_REPAIRS = 8

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<triple>\"{3}|'{3})
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<open>[(\[{]) | (?P<close>[)\]}])
      | (?P<joined>\\\n)
      | (?P<newline>\n)""",
    re.VERBOSE | re.DOTALL,
)
_TRIPLE_END = {mark: re.compile(rf"(?:[^\\]|\\.)*?{mark}", re.DOTALL) for mark in ('"""', "'''")}
# Lines that carry a statement on instead of beginning one.
_CARRIES_ON = re.compile(r"[\s#)\]}]|(?:else|elif|except|finally)\b")
_BEGINS_STATEMENT = re.compile(r"(?:def|class|async\s+def|import|from|with|return|try:|while|for|if)\b|@\w")
_MAY_BEGIN = re.compile(r"[\w@(\[{'\"~+*.\-#\s]")  # what no piece of Python begins with is not parsed at all
_JUNK_AT_END = re.compile(r"[ \t]*(?:`{1,}|~{3,}|</\w+>|\[/?[A-Z]+\]|<\|?[\w▁｜]+\|?>|['\"])[ \t]*$")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parse(source: str) -> ast.Module | SyntaxError | None:
    """The syntax tree, not to be changed; the error that tells where it stops being Python; None if no place does."""
    if len(source) > MAX_PARSED_CHARS:
        return None
    return _parsed_lately(source) if len(source) <= _MOST_REMEMBERED_CHARS else _parsed(source)


def _parsed(source: str) -> ast.Module | SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return error
    except (ValueError, MemoryError, RecursionError):  # NUL bytes, lone surrogates, nesting that no parser follows
        return None


_parsed_lately = lru_cache(maxsize=16)(_parsed)  # the steps for one answer ask for the same blocks and the same prompt


@dataclass(frozen=True)
class ScannedText:
    """What a lenient scan of a text finds: where strings lie (start, end), in order, and where logical lines begin."""

    strings: tuple[tuple[int, int], ...]
    line_starts: tuple[int, ...]

    def in_string(self, place: int) -> bool:
        """Whether the character at `place` lies within a string."""
        number = bisect_left(self.strings, (place, place)) - 1  # the last that begins before it
        return number >= 0 and place < self.strings[number][1]


def layout(text: str, start: int = 0, stop: int | None = None, *, brackets: bool = True) -> ScannedText:
    """Scan a text as Python's tokenizer would, but without giving up: unclosed strings and brackets are skipped.

    With `brackets` off lines within brackets count as logical lines too, for text in which brackets do not pair.
    """
    strings: list[tuple[int, int]] = []
    starts = [start]
    place, depth = start, 0
    stop = len(text) if stop is None else stop
    while (hit := _TOKEN.search(text, place)) is not None and hit.start() < stop:
        place, kind = hit.end(), hit.lastgroup
        if kind == "triple":
            end = _TRIPLE_END[hit[0]].match(text, place)
            if end is not None:
                strings.append((hit.start(), end.end()))
                place = end.end()
        elif kind == "string":
            strings.append(hit.span())
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "newline":
            if not brackets or (depth and _BEGINS_STATEMENT.match(text, place)):
                depth = 0
            if not depth:
                starts.append(place)
    return ScannedText(tuple(strings), tuple(starts))


def statements(text: str) -> Iterator[str]:
    """The text in pieces, each of which is one top-level statement if it is Python at all; joined they are the text."""
    yield from _pieces(text, layout(text).line_starts)


def _pieces(text: str, line_starts: Sequence[int]) -> Iterator[str]:
    begin, decorated = 0, text.startswith("@")
    for start in line_starts[1:]:
        if start >= len(text) or text[start] == "\n" or _CARRIES_ON.match(text, start):
            continue
        if not decorated and text[begin:start].strip():
            yield text[begin:start]
            begin = start
        decorated = text[start] == "@"
    if begin < len(text):
        yield text[begin:]


_CODE_START = re.compile(
    r"^(?:def|class|async\s+def|import)\s+\w|^from\s+[\w.]+\s+import\b|^@\w|^[A-Za-z_]\w*\s*=\s*[^=\s]", re.MULTILINE
)


def looks_like_code(text: str) -> bool:
    """Whether a line of a text looks like a definition, an import, a decorator or an assignment."""
    return _CODE_START.search(text) is not None


def python_statements(text: str) -> Iterator[str]:
    """The top-level statements of a text that parse, in order; a broken one is cut to what parses of it."""
    for piece in statements(text):
        if not _MAY_BEGIN.match(piece):
            continue
        tree = parse(piece)
        if isinstance(tree, ast.Module):
            yield piece
        elif tree is None or piece.count("\n") < 2:
            yield from _repaired(piece)
        else:
            yield from _reread(piece)


def _reread(piece: str) -> Iterator[str]:
    """The statements of a piece that does not parse: first as it is but cut, then with its brackets ignored."""
    repaired = _repaired(piece)
    if repaired:
        yield from repaired
        return
    for inner in _pieces(piece, layout(piece, brackets=False).line_starts):
        if inner == piece:
            return
        if isinstance(parse(inner), ast.Module):
            yield inner
        else:
            yield from _repaired(inner)


def _repaired(piece: str) -> list[str]:
    """A broken statement up to where it breaks, cut from the line where junk is glued to it; [] if nothing is left."""
    lines = piece.split("\n")
    for _ in range(_MAX_REPAIRS):
        tree = parse("\n".join(lines) + "\n")
        if isinstance(tree, ast.Module):
            source = "\n".join(lines).rstrip("\n")
            return [f"{source}\n"] if tree.body else []
        if tree is None:
            return []
        broken = min(len(lines), tree.lineno or len(lines)) - 1
        trimmed = _JUNK_AT_END.sub("", lines[broken]) if lines else ""
        if lines and trimmed != lines[broken] and trimmed.strip():
            lines = [*lines[:broken], trimmed]
        else:
            lines = lines[: max(broken, 0)] if broken < len(lines) else lines[:-1]
        if not lines:
            return []
    return []


def definition_of(tree: ast.Module, name: str) -> Definition | ast.stmt | None:
    """The last top-level statement that gives `name` a meaning, the one that counts when the program runs."""
    return next((s for s in reversed(tree.body) if name in bound_names(s)), None)


def bound_names(statement: ast.stmt) -> set[str]:
    """Names that a statement defines in the scope that it is in."""
    if isinstance(statement, Definition):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
        inner = (s for s in ast.walk(statement) if isinstance(s, ast.stmt) and s is not statement)
        own = _stored(statement.target) if isinstance(statement, ast.For) else set()
        return own.union(*(bound_names(s) for s in inner))
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    return set().union(*map(_stored, targets))


def _stored(target: ast.AST) -> set[str]:
    """Names that an assignment to a target binds; `a.b = 1` and `a[0] = 1` bind none."""
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def changed_names(statement: ast.stmt) -> set[str]:
    """Names whose values a statement may change in place: by a method, an item, an attribute or an operator."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names |= _root(node.func.value)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names |= _root(node)
        elif isinstance(node, ast.AugAssign):
            names |= _root(node.target)
    return names


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def used_names(statement: ast.AST) -> set[str]:
    """Names that a statement reads, wherever in it."""
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


def body_size(statement: ast.stmt) -> int:
    """How many statements a function holds, its docstring and placeholders not counted; 1 for anything but a function.

    Placeholders are `pass`, `...` and `raise NotImplementedError`: a function of nothing else is a stub.
    """
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return 1
    return sum(not is_placeholder(s) for s in statement.body)


def is_stub(statement: ast.stmt) -> bool:
    """Whether a function holds placeholders, and besides them at most a docstring. A docstring alone is not a stub."""
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) or body_size(statement):
        return False
    return len(statement.body) > (ast.get_docstring(statement) is not None)


def is_placeholder(statement: ast.stmt) -> bool:
    """Whether a statement of a body stands for one that is still to be written, or is a docstring."""
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def global_reads(source: str) -> dict[str, set[str]]:
    """What each top-level function or class reads of the module's names; `source` is known to parse."""
    import symtable

    def reads(table: symtable.SymbolTable) -> set[str]:
        own = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        return own.union(*(reads(child) for child in table.get_children()))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = symtable.symtable(source, "program", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # stricter than the parser: a `return` outside, say
        return {}
    found: dict[str, set[str]] = {}
    for child in module.get_children():
        found.setdefault(child.get_name(), set()).update(reads(child))
    return found


def outer_reads(definition: Definition) -> set[str]:
    """Names that a definition reads while it is made: decorators, bases, defaults, annotations."""
    if isinstance(definition, ast.ClassDef):
        parts: list[ast.AST] = [*definition.decorator_list, *definition.bases, *definition.keywords]
    else:
        parts = [*definition.decorator_list, definition.args, *([definition.returns] if definition.returns else [])]
    return set().union(*(used_names(part) for part in parts))


def without_statements(source: str, dropped: Iterable[ast.stmt], kept: Iterable[ast.stmt]) -> str:
    """Source without the lines of the `dropped` statements, save lines that a kept one shares."""
    gone = {line for statement in dropped for line in lines_of(statement)}
    if not gone:
        return source
    gone -= {line for statement in kept for line in lines_of(statement)}
    lines = source.split("\n")
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)


def lines_of(statement: ast.stmt) -> range:
    """The numbers of a statement's lines, from 1, its decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    return range(first, (statement.end_lineno or statement.lineno) + 1)
