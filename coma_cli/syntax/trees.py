"""Syntax trees of whole files and of single functions, with the grammars bundled in tree-sitter-language-pack.

A method, constructor or anonymous function on its own is not a valid program in most languages; text that does not
parse as is gets wrapped in each frame of its language (a class, a call), and positions in the tree then ignore the
frame. Whether Python is valid is decided by the running interpreter; its tree-sitter tree is only used for leaves.

tree-sitter is imported when the first text is parsed, so that modules that may never parse anything import quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from coma_cli.languages import LANGUAGES, Language, parses_as_python
from coma_cli.languages.frames import Frame
from coma_cli.syntax.adjacent_names import has_adjacent_names
from coma_cli.syntax.grammars import grammar_of as grammar_of

if TYPE_CHECKING:
    from tree_sitter import Node

PARSED_LANGUAGES: tuple[str, ...] = tuple(entry.name for entry in LANGUAGES.values() if entry.frames)


@dataclass(frozen=True)
class Tree:
    """A parsed text. `root` covers `source` (UTF-8), in which `code` starts at byte `before`."""

    language: str
    grammar: str
    code: str
    root: Node
    source: bytes
    before: int

    @cached_property
    def has_error(self) -> bool:
        """Whether the text has a syntax error."""
        return self.is_broken(self.root)

    def is_broken(self, node: Node) -> bool:
        """Whether the grammar had to skip or insert something below a node.

        In a language with macros a skipped name may be one that stands for nothing or for an attribute: no error.
        """
        return bool(node.has_error) and not (LANGUAGES[self.language].has_macros and _only_skips_names(node))

    @cached_property
    def first_row(self) -> int:
        """The row of `source` in which the code starts."""
        return self.source.count(b"\n", 0, self.before)

    def span(self, node: Node) -> tuple[int, int]:
        """Start and end of a node in `code`, in characters, clipped to the code."""
        return self.place(node.start_byte), self.place(node.end_byte)

    def place(self, byte: int) -> int:
        """The character offset in `code` of a byte offset in `source`."""
        within = max(byte - self.before, 0)
        characters = self._characters
        return min(within, len(self.code)) if characters is None else characters[min(within, len(characters) - 1)]

    def text(self, node: Node) -> str:
        """The text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    @cached_property
    def _characters(self) -> list[int] | None:
        """The number of characters before each byte of the code; None if every byte is a character."""
        if self.code.isascii():
            return None
        return list(accumulate(((byte & 0xC0) != 0x80 for byte in encode(self.code)), initial=0))


def _only_skips_names(node: Node) -> bool:
    if node.is_missing:
        return False
    if node.is_error:
        return all(child.type in ("identifier", "type_identifier") for child in node.children)
    return not node.has_error or all(map(_only_skips_names, node.children))


# In which frame a text has no error (None: in none), of the latest texts. Rows move from step to step in batches, so
# that the next step asks when the tree, which takes far more room, is long gone.
_REMEMBERED_TEXTS = 2048
_fitting_frames: dict[tuple[str, str], int | None] = {}


@lru_cache(maxsize=16)  # some steps ask this of the same code, one after the other
def parse(language: str, code: str) -> Tree | None:
    """The tree of a text in the first frame in which it has no error, else without one; None without a grammar."""
    entry = LANGUAGES.get(language)
    if entry is None or not entry.frames:
        return None
    # A template with opening tags of its own is never the body of a class or a call.
    frames = entry.frames[:1] if any(tag in code for tag in entry.opening_tags) else entry.frames
    if (language, code) in _fitting_frames or _is_known_to_be_broken(language, code):
        return _framed(entry, code, *frames[_fitting_frames[language, code] or 0])
    tree = _framed(entry, code, *frames[0])
    fitting: int | None = None if tree.has_error else 0
    for number, (grammar, frame) in enumerate(frames[1:] if tree.has_error else (), 1):
        if not frame.excludes(code):
            other = _framed(entry, code, grammar, frame)
            if not other.has_error:
                tree, fitting = other, number
                break
    _remember(language, code, fitting)
    return tree


def sound_tree(language: str, code: str) -> Tree | None:
    """The tree of a text without a syntax error; None for any other, in less time than its tree takes."""
    return parse(language, code) if parses(language, code) else None


def _remember(language: str, code: str, fitting: int | None) -> None:
    if len(_fitting_frames) >= _REMEMBERED_TEXTS:
        _fitting_frames.clear()
    _fitting_frames[language, code] = fitting


def _is_known_to_be_broken(language: str, code: str) -> bool:
    """Whether a text is seen to have an error in any frame, before a grammar looks at it."""
    if not has_adjacent_names(language, code):
        return False
    _remember(language, code, None)
    return True


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in text order, each before its children."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.children))


def parses(language: str, code: str) -> bool | None:
    """Whether a text is free of syntax errors; None for an unknown language."""
    if language == "python":
        return parses_as_python(code)
    if (language, code) in _fitting_frames or _is_known_to_be_broken(language, code):
        return _fitting_frames[language, code] is not None
    tree = parse(language, code)
    return None if tree is None else not tree.has_error


def bytes_in_error(node: Node) -> int:
    """How many bytes of a text are in the largest nodes that failed to parse."""
    if node.type == "ERROR":
        return node.end_byte - node.start_byte
    return sum(map(bytes_in_error, node.children)) if node.has_error else 0


def encode(code: str) -> bytes:
    """UTF-8 including lone surrogates, which JSON strings may contain."""
    return code.encode("utf-8", "surrogatepass")


def _framed(language: Language, code: str, grammar: str, frame: Frame) -> Tree:
    from tree_sitter import Parser

    head, tail, _ = frame
    tags = language.opening_tags
    if tags and not any(tag in code for tag in tags):
        head = f"{tags[0]}\n{head}"
    source = encode(head + code + tail)
    root = Parser(grammar_of(grammar)).parse(source).root_node
    return Tree(language.name, grammar, code, root, source, len(head))
