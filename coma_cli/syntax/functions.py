"""Functions out of source code, each without its documentation, which comes beside it; of every language whose entry
has a grammar of functions, and of Python.

Python is read with the interpreter's own grammar (`python_functions`), other languages with tree-sitter. Every function
returned parses on its own: one that doesn't, or that the grammar can't parse in its file, is skipped without affecting
the rest of the file. Nested functions are ignored: they depend on their context.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coma_cli.formats.text import unify
from coma_cli.languages import LANGUAGES, parse_python
from coma_cli.syntax.comments import without_repeats
from coma_cli.syntax.finding import (
    Found,
    begins_its_line,
    captured,
    found_functions,
    last_row,
    lines_above,
    only_function,
    qualified,
    rows_in_strings,
    scopes,
)
from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.grammars import GRAMMARS
from coma_cli.syntax.leaves import COMMENTS, leaves_of
from coma_cli.syntax.python_functions import aligned, leading_whitespace, python_functions
from coma_cli.syntax.trees import Tree, parse

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTION_LANGUAGES: tuple[str, ...] = ("python", *GRAMMARS)
_MIN_CUT_CHARS = 10
_MIN_CUT_NAMES = 2
_CLOSER = re.compile(r"[ \t]*(?:[})\]]|end\b)")
_NOT_IMPLEMENTED = re.compile(
    r"""(?:throw\s+(?:new\s+)?[\w.\\:]*(?:NotImplemented|UnsupportedOperation|NotSupported|BadMethodCall)[\w]*\b.*
      | (?:todo|unimplemented)!\s*\(.*\) | raise\s+NotImplementedError.* | panic\(.*not\s+implemented.*\)
      | throw\s+(?:new\s+)?Error\(.*not\s+implemented.*\) | return | pass )?[\s;]*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def functions(language: str, code: str, *, documented_only: bool = False) -> list[CodeFunction]:
    """The functions and methods of a file, in order; none for other languages and for invalid Python."""
    text = unify(code)
    if language == "python":
        module = parse_python(text)
        return [] if module is None else list(python_functions(text, module, documented_only=documented_only))
    if language not in GRAMMARS:
        return []
    tree = parse(language, text)
    return [] if tree is None else _Reader(tree).read(documented_only)


def without_documentation(language: str, code: str) -> CodeFunction | None:
    """The single function in a text, such as a row of CodeSearchNet; None if there isn't one or it does not parse.

    Its first line may be dedented while the others are not.
    """
    text = unify(code).strip("\n")
    if language == "python":
        return next(iter(functions(language, aligned(text))), None)
    tree = parse(language, text) if language in GRAMMARS else None
    found = only_function(tree) if tree is not None and not tree.has_error else None
    return None if tree is None or found is None else _Reader(tree).function(found)


class _Reader:
    """Reads the functions of one tree; lookups in the tree are cached."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._lines = tree.code.split("\n")
        self._above = lines_above(tree)
        self._scopes = scopes(tree)
        self._in_strings = frozenset(rows_in_strings(tree))

    def read(self, documented_only: bool) -> list[CodeFunction]:
        read = (self.function(found, documented_only) for found in found_functions(self._tree))
        return [function for function in read if function is not None]

    def function(self, found: Found, documented_only: bool = False) -> CodeFunction | None:
        """A found function taken out of its file; None if it does not parse on its own."""
        if self._tree.is_broken(found.whole):
            return None
        attributes, comments = self._belongings(found.whole)
        documentation = "\n".join(self._tree.text(node).strip() for node in comments)
        if documented_only and not documentation:
            return None
        language = self._tree.language
        text = self._dedented(found.whole, attributes)
        if documentation:
            text = without_repeats(language, text, documentation)
        alone = parse(language, text)
        again = only_function(alone) if alone is not None and not alone.has_error else None
        if alone is None or again is None:
            return None
        first = min([found.whole.start_point[0], *(node.start_point[0] for node in (*attributes, *comments))])
        lines = (first - self._tree.first_row + 1, last_row(found.whole) - self._tree.first_row + 1)
        name = qualified(found.name, found.whole.start_byte, self._scopes)
        body = _body(again)
        header = text[: alone.place(_signature_end(alone, again))].rstrip()
        return CodeFunction(
            language, name, header, text, documentation, lines, _cuts(alone, body), _is_empty(alone, body)
        )

    def _belongings(self, whole: Node) -> tuple[list[Node], list[Node]]:
        """The attributes and the documentation above a function: one block comment, or several line comments."""
        attributes: list[Node] = []
        comments: list[Node] = []
        row = whole.start_point[0] - 1
        while begins_its_line(self._tree, whole) and (node := self._above.get(row)) is not None:
            row = node.start_point[0] - 1
            if node.type not in COMMENTS:
                attributes.insert(0, node)
            elif comments and (self._is_block(node) or self._is_block(comments[0])):
                break
            else:
                comments.insert(0, node)
        return attributes, comments

    def _is_block(self, node: Node) -> bool:
        return self._tree.source.startswith((b"/*", b"=begin"), node.start_byte)

    def _dedented(self, whole: Node, attributes: list[Node]) -> str:
        """The dedented lines of a function; lines inside strings keep their indentation."""
        shift = self._tree.first_row
        first, last = whole.start_point[0] - shift, whole.end_point[0] - shift
        start, end = self._tree.span(whole)
        taken = self._tree.code[start:end].split("\n")
        margin = leading_whitespace(self._lines[first])
        if not margin and _CLOSER.match(self._lines[last]):
            margin = leading_whitespace(self._lines[last])
        rows = range(first + 1, last + 1)
        later = [
            line if row + shift in self._in_strings else line[min(margin, leading_whitespace(line)) :]
            for row, line in zip(rows, taken[1:], strict=False)
        ]
        before = ["\n".join(line.strip() for line in self._tree.text(node).split("\n")) for node in attributes]
        return "\n".join([*before, taken[0], *later]).rstrip()


def _body(found: Found) -> Node:
    body = found.node.child_by_field_name("body")
    assert body is not None  # functions without a body are not found
    return body


def _signature_end(tree: Tree, found: Found) -> int:
    """The byte at which a signature ends and the body (or a constructor's initializer list) begins."""
    node, grammar = found.node, GRAMMARS[tree.language]
    for field in grammar.head_fields:
        last = node.child_by_field_name(field)
        if last is not None:
            return last.end_byte
    return min([_body(found).start_byte, *(child.start_byte for child in node.children if child.type in grammar.heads)])


def _cuts(tree: Tree, body: Node) -> tuple[tuple[int, int], ...]:
    """Where completion may cut: non-trivial one-line statements after the body's first statement."""
    grammar = GRAMMARS[tree.language]
    first = next((child.start_byte for child in body.named_children if child.type not in COMMENTS), body.end_byte)
    found = []
    for node in captured(tree, body, grammar.statements, grammar.blocks):
        if node.start_byte > first and node.start_point[0] == node.end_point[0] and _fills_its_line(tree, node):
            start, end = tree.span(node)
            names = sum(leaf.role == "identifier" for leaf in leaves_of(tree, node))
            if end - start >= _MIN_CUT_CHARS and names >= _MIN_CUT_NAMES:
                found.append((start, end))
    return tuple(found)


def _fills_its_line(tree: Tree, node: Node) -> bool:
    """Whether a statement has its line to itself, except for a trailing comment."""
    line_end = tree.source.find(b"\n", node.end_byte)
    rest = tree.source[node.end_byte : line_end if line_end >= 0 else None].strip()
    comments = ("//", "/*", "#", LANGUAGES[tree.language].line_comment)
    return begins_its_line(tree, node) and (
        not rest or any(sign and rest.startswith(sign.encode()) for sign in comments)
    )


def _is_empty(tree: Tree, body: Node) -> bool:
    start, end = tree.span(body)
    said = tree.code[start:end]
    for comment in reversed(captured(tree, body, COMMENTS)):
        place, behind = tree.span(comment)
        said = said[: place - start] + said[behind - start :]
    return _NOT_IMPLEMENTED.fullmatch(said.strip().strip("{}=>").strip()) is not None
