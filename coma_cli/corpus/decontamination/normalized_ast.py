"""Python code without its names: what stays the same when identifiers, comments, documentation and layout change.

Two forms. A *shape* is the normal form of a body of statements (see `rewriting` and `writing`) without its names:
literals, operators, attributes of foreign objects and called names that the program does not define are kept. A
*skeleton* is the sequence of keywords, numbers and operators of a text, found for many texts at once, which identifies
copies in what can't be parsed.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.decontamination.rewriting import DEFINITIONS, children_of, constants_of, rewritten, tells_the_user
from coma_cli.corpus.decontamination.writing import Names, Shape, shape_of
from coma_cli.corpus.lexing import U64, Ints, lex
from coma_cli.formats.fences import fenced_blocks
from coma_cli.languages import parse_python, python_tree
from coma_cli.syntax.python_trees import nodes_of

_BUILTINS = frozenset(dir(builtins))
_GIVING = frozenset((ast.Name, ast.arg, *DEFINITIONS, ast.ClassDef, ast.ExceptHandler, ast.Attribute))
_GIVING |= {ast.Import, ast.ImportFrom}
# Docstrings and comments.
NO_CODE = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|#[^\n]*')
_DEF = re.compile(r"\s*(?:async\s+)?def\s+\w+\s*\(")
_PRINTED = re.compile(r"^([ \t]*)print\b(?![ \t]*[(=.]).*$", re.MULTILINE)  # a statement of Python 2
# Characters that formatters add and remove, or that delimit strings.
_UNSTABLE_CHARACTERS = "(),;\\'\"`"


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


def units(code: str, is_known: Callable[[str], bool] | None = None) -> list[CodeUnit]:
    """The functions of a Python text, and its top level; nothing if it does not parse.

    With `is_known`, those that use a name from elsewhere for which it is false are skipped.
    """
    return _units_or_none(code, is_known) or []


class Read(NamedTuple):
    """The functions and top levels in a text, each with the code it is in; whether all of this code is a program."""

    units: Sequence[tuple[str, CodeUnit]]
    is_program: bool


def units_in(text: str, is_known: Callable[[str], bool] | None = None) -> Read:
    """The functions and top levels of what may be Python in a text, each with the code it is in.

    Those are the fenced blocks, else all of it; if that is not a program, what is in it from each line with `def` on.
    """
    units_there: list[tuple[str, CodeUnit]] = []
    is_program = True
    for code in codes_in(text):
        found = _units_or_none(code, is_known)
        if found is not None:
            units_there += [(code, unit) for unit in found]
        else:
            is_program = False
            pieces = _functions_in(code) if "def " in code else ()
            units_there += [(piece, unit) for piece in pieces for unit in units(piece, is_known)]
    return Read(units_there, is_program)


def _units_or_none(code: str, is_known: Callable[[str], bool] | None) -> list[CodeUnit] | None:
    tree = parse_python(code)
    if tree is None:
        return None
    try:
        return list(_units(tree, is_known))
    except RecursionError:
        return []


def _units(tree: ast.Module, is_known: Callable[[str], bool] | None) -> Iterator[CodeUnit]:
    nodes = nodes_of(tree)
    given = names_given(nodes)
    functions = [node for node in nodes if isinstance(node, DEFINITIONS)]
    loose = [node for node in tree.body if not isinstance(node, (*DEFINITIONS, ast.ClassDef))]
    known = [node for node in functions if is_known is None or all(map(is_known, foreign_names(node.body, given)))]
    loose_is_known = is_known is None or all(map(is_known, foreign_names(loose, given, bare=True)))
    constants = constants_of(tree) if known and loose else {}
    for node in known:
        yield _unit(node.name, node, node.body, given, constants)
    if loose and loose_is_known:
        yield _unit("", None, loose, given, {})


def foreign_names_of(code: str) -> set[str]:
    """The names and attributes from elsewhere that a program uses."""
    tree = python_tree(code)
    return set() if tree is None else foreign_names(tree.body, names_given(nodes_of(tree)))


def foreign_names(body: Iterable[ast.stmt], given: "Given", *, bare: bool = False) -> set[str]:
    """The names and attributes from elsewhere that statements use, without those that only tell the user something."""
    found: set[str] = set()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is ast.Name:
            name: str = node.id  # type: ignore[attr-defined]
            if name in given.imports:
                found.add(given.imports[name])
            elif not bare and name not in given.names:
                found.add(name)
            continue
        if kind is ast.Attribute and node.attr not in given.attributes:  # type: ignore[attr-defined]
            found.add(node.attr)  # type: ignore[attr-defined]
        elif kind is ast.Expr and tells_the_user(node.value):  # type: ignore[attr-defined]
            continue
        stack.extend(children_of(node))
    return found


def _unit(
    name: str,
    function: ast.FunctionDef | ast.AsyncFunctionDef | None,
    body: Sequence[ast.stmt],
    given: "Given",
    constants: Mapping[str, ast.expr],
) -> CodeUnit:
    documented = bool(body) and _is_documentation(body[0])
    statements = [node for node in body[documented:] if not isinstance(node, (ast.Import, ast.ImportFrom))]
    at = body[0].lineno if function is None else function.lineno
    lines = (statements[0].lineno, statements[-1].end_lineno or 0) if statements else (at, at)
    made = rewritten(statements, None if function is None else function.args, constants)
    names = Names(given.names, given.attributes, given.imports, made.inlined, _BUILTINS, not name)
    return CodeUnit(name, shape_of(made.statements, names), at, *lines)


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


def _functions_in(text: str) -> Iterator[str]:
    """The lines of each function in a text, from its first line to the last that is indented more."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _DEF.match(line):
            margin = len(line) - len(line.lstrip())
            end = number + 1
            while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > margin):
                end += 1
            yield _PRINTED.sub(r"\1pass", dedented("\n".join(lines[number:end])))


def dedented(code: str) -> str:
    """Code without the indentation of its first line (a body without its header, say)."""
    lines = code.expandtabs(8).splitlines() if "\t" in code else code.splitlines()
    first = next((line for line in lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(margin) for line in lines) if margin else code
