"""Python code without its names: what stays the same when identifiers, comments, documentation and layout change.

Two forms. A *shape* is the normalized syntax tree of a body of statements: each name that the program defines is
replaced by the order in which it first occurs; literals, operators, attributes of foreign objects and called names that
the program does not define are kept. A *skeleton* is the sequence of keywords, numbers and operators of a text, found
for many texts at once, which identifies the few texts that are worth parsing.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.lexing import U64, Ints, lex
from coma_cli.formats.fences import fenced_blocks
from coma_cli.languages import parse_python

_BUILTINS = frozenset(dir(builtins))
_NO_WEIGHT = (ast.expr_context, ast.arguments, ast.arg, ast.Expr, ast.Return, ast.operator, ast.unaryop, ast.cmpop)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_GIVING = frozenset((ast.Name, ast.arg, *_DEFINITIONS, ast.ClassDef, ast.ExceptHandler, ast.Attribute))
_GIVING |= {ast.Import, ast.ImportFrom}
# Docstrings and comments.
NO_CODE = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|#[^\n]*')
# Characters that formatters add and remove, or that delimit strings.
_UNSTABLE_CHARACTERS = "(),;\\'\"`"


class Shape(NamedTuple):
    """A body without its names. `weight` counts the distinctive rest: operations, calls, literals, ..."""

    text: str
    weight: int


class CodeUnit(NamedTuple):
    """A function's body; or the statements of a text outside of functions, which may be a body without its header.

    The latter has no name, and since its parameters are unknown, all its names but called ones count as its own.
    `first_line`, `body_line` and `last_line` count from 1 and say where the function and its body are.
    """

    name: str
    shape: Shape
    first_line: int
    body_line: int
    last_line: int

    def source(self, code: str) -> str:
        """The lines of the function, from the code that it was found in."""
        return "\n".join(code.splitlines()[self.first_line - 1 : self.last_line])

    def body(self, code: str) -> str:
        """The lines of its body."""
        return "\n".join(code.splitlines()[self.body_line - 1 : self.last_line])


def units(code: str) -> list[CodeUnit]:
    """The functions of a Python text, and its top level; nothing if it does not parse."""
    tree = parse_python(code)
    if tree is None:
        return []
    nodes = list(ast.walk(tree))
    given = names_given(nodes)
    functions = (node for node in nodes if isinstance(node, _DEFINITIONS))
    found = [_unit(node.name, node.body, given, node.lineno) for node in functions]
    loose = [node for node in tree.body if not isinstance(node, (*_DEFINITIONS, ast.ClassDef))]
    return [*found, _unit("", loose, given, loose[0].lineno)] if loose else found


def _unit(name: str, body: Sequence[ast.stmt], given: "Given", first_line: int) -> CodeUnit:
    documented = bool(body) and _is_documentation(body[0])
    statements = [node for node in body[documented:] if not isinstance(node, (ast.Import, ast.ImportFrom))]
    writer = _Writer(given, bare=not name)
    for statement in statements:
        writer.write(statement)
    lines = (statements[0].lineno, statements[-1].end_lineno or 0) if statements else (first_line, first_line)
    return CodeUnit(name, Shape(writer.text(), writer.weight), first_line, *lines)


def _is_documentation(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass
class Given:
    """Names and attributes that a text defines, and what its import aliases mean."""

    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)


def names_given(nodes: Iterable[ast.AST]) -> Given:
    """The names that a program defines, from all nodes of its tree."""
    given = Given()
    for node in nodes:
        if type(node) not in _GIVING:  # most nodes
            continue
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                given.names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                given.names.add(name)
                given.attributes.add(name)
            case ast.ExceptHandler(name=str(name)):
                given.names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                given.attributes.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                given.imports.update((alias.asname or alias.name, alias.name) for alias in aliases)
    return given


class _Writer:
    """Writes one shape."""

    def __init__(self, given: Given, *, bare: bool) -> None:
        self._given = given
        self._bare = bare
        self._numbers: dict[str, str] = {}
        self._out: list[str] = []
        self.weight = 0

    def text(self) -> str:
        return " ".join(self._out)

    def _number(self, name: str) -> None:
        self._out.append(self._numbers.setdefault(name, f"${len(self._numbers)}"))

    def _keep(self, name: str) -> None:
        self._out.append(name)
        self.weight += 1

    def _name(self, name: str, *, called: bool) -> None:
        given = self._given
        if name in given.imports:
            self._keep(given.imports[name])
        elif name in given.names or (self._bare and not called and name not in _BUILTINS):
            self._number(name)
        else:
            self._keep(name)

    def write(self, node: ast.AST, *, called: bool = False) -> None:
        """Add a node and its descendants."""
        match node:
            case ast.Name(id=name):
                return self._name(name, called=called)
            case ast.Constant(value=value):
                return self._keep(repr(value))
            case ast.Attribute(attr=name):
                self._out.append(".")
                (self._number if name in self._given.attributes else self._keep)(name)
                return self.write(node.value)
            case ast.AnnAssign(value=None):
                return None
        self._out.append(type(node).__name__)
        self.weight += not isinstance(node, _NO_WEIGHT)
        self._fields(node)
        self._out.append(";")
        return None

    def _fields(self, node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("ctx", "annotation", "returns", "type_comment", "simple", "kind", "decorator_list"):
                continue
            if isinstance(value, ast.AST):
                self.write(value, called=name == "func")
            elif isinstance(value, list):
                self._list(value)
            elif isinstance(value, str):
                self._name(value, called=False)
            elif value is not None:
                self._out.append(repr(value))

    def _list(self, values: list[ast.AST | str | None]) -> None:
        self._out.append("[")
        for number, value in enumerate(values):
            if isinstance(value, str):
                self._number(value)
            elif value is not None and not (number == 0 and isinstance(value, ast.stmt) and _is_documentation(value)):
                self.write(value)
        self._out.append("]")


# --- skeletons ---


def _table(words: Sequence[str]) -> GramTable:
    return GramTable.of(lex([" ".join(words)]).hashes)


_KEYWORDS = _table([word.lower() for word in keyword.kwlist])
_NUMBER = lex(["0"]).hashes[0]
_UNSTABLE = _table(_UNSTABLE_CHARACTERS)


class Skeletons(NamedTuple):
    """The skeletons of some texts, one after the other; that of text i is `bounds[i]` to `bounds[i + 1]`."""

    hashes: U64
    bounds: Ints
    token_counts: Ints

    def one(self, number: int) -> U64:
        """The skeleton of one text."""
        return self.hashes[self.bounds[number] : self.bounds[number + 1]]


def skeletons(texts: Sequence[str]) -> Skeletons:
    """Each text without names, comments, documentation and layout."""
    lexed = lex([NO_CODE.sub(" ", text) if "#" in text or '"""' in text or "'''" in text else text for text in texts])
    characters = ~lexed.is_word
    kept = characters & ~_UNSTABLE.holds(lexed.hashes)
    kept |= ~characters & (_KEYWORDS.holds(lexed.hashes) | (lexed.shapes == _NUMBER))
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(kept, dtype=np.int64)))
    return Skeletons(lexed.hashes[kept], before[lexed.bounds], np.diff(lexed.bounds))


def codes_in(text: str) -> Iterator[str]:
    """The parts of a text that may be Python: its fenced blocks, else all of it; without common indentation."""
    blocks = [block.code for block in fenced_blocks(text) if block.closed]
    for code in blocks or [text]:
        yield dedented(code)


def dedented(code: str) -> str:
    """Code without the indentation of its first line (a body without its header, say)."""
    lines = code.expandtabs(8).splitlines() if "\t" in code else code.splitlines()
    first = next((line for line in lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(margin) for line in lines) if margin else code
