"""Syntax trees of whole files and of single functions, with the grammars bundled in tree-sitter-language-pack.

A method, constructor or anonymous function on its own is not a valid program in most languages; text that does not
parse as is gets wrapped in each frame of its language (a class, a call), and positions in the tree then ignore the
frame. Whether Python is valid is decided by the running interpreter; its tree-sitter tree is only used for leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from typing import cast

from tree_sitter import Language, Node, Parser
from tree_sitter_language_pack import SupportedLanguage, get_language

from coma_cli.languages import parses_as_python

_CLASS = ("class _ {\n", "\n}")
_CALL = ("_(\n", "\n)")
_OBJECT = ("_({\n", "\n})")
_Frames = tuple[tuple[str, tuple[str, str]], ...]
_BARE = ("", "")

# The grammar and the frame (what to put before and after a text) of each attempt, in order.
_FRAMES: Mapping[str, _Frames] = {
    "python": (("python", _BARE),),
    "javascript": (("javascript", _BARE), ("javascript", _CLASS), ("javascript", _CALL), ("javascript", _OBJECT)),
    "typescript": (
        ("typescript", _BARE),
        ("typescript", _CLASS),
        ("typescript", _CALL),
        ("tsx", _BARE),
        ("tsx", _CLASS),
        ("typescript", _OBJECT),
    ),
    "java": (("java", _BARE), ("java", _CLASS)),
    "go": (("go", _BARE), ("go", ("package _\nvar _ = ", "\n"))),
    "ruby": (("ruby", _BARE),),
    "rust": (("rust", _BARE), ("rust", ("trait _ {\n", "\n}"))),
    "php": (("php", _BARE), ("php", _CLASS), ("php", _CALL)),
    "c": (("c", _BARE),),
    "cpp": (("cpp", _BARE), ("cpp", ("class _ {\n", "\n};"))),
    "csharp": (("csharp", _BARE), ("csharp", _CLASS)),
    "sql": (("sql", _BARE),),
}
_PHP_TAGS = ("<?php", "<?=", "<?PHP")

LANGUAGES: tuple[str, ...] = tuple(_FRAMES)


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

        In C and C++ a skipped name may be a macro for nothing or for an attribute, so it is not an error.
        """
        return bool(node.has_error) and not (self.language in ("c", "cpp") and _only_skips_names(node))

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


def parse(language: str, code: str) -> Tree | None:
    """The tree of a text in the first frame in which it has no error, else without one; None without a grammar."""
    if language not in _FRAMES:
        return None
    tries = (_framed(language, code, grammar, frame) for grammar, frame in _FRAMES[language])
    first = next(tries)
    return first if not first.has_error else next((tree for tree in tries if not tree.has_error), first)


def parses(language: str, code: str) -> bool | None:
    """Whether a text is free of syntax errors; None for an unknown language."""
    if language == "python":
        return parses_as_python(code)
    tree = parse(language, code)
    return None if tree is None else not tree.has_error


def encode(code: str) -> bytes:
    """UTF-8 including lone surrogates, which JSON strings may contain."""
    return code.encode("utf-8", "surrogatepass")


def _framed(language: str, code: str, grammar: str, frame: tuple[str, str]) -> Tree:
    head, tail = frame
    if grammar == "php" and not any(tag in code for tag in _PHP_TAGS):
        head = f"<?php\n{head}"
    source = encode(head + code + tail)
    root = Parser(grammar_of(grammar)).parse(source).root_node
    return Tree(language, grammar, code, root, source, len(head))


@cache
def grammar_of(name: str) -> Language:
    """A grammar by its name in the language pack; cached."""
    return get_language(cast(SupportedLanguage, name))


def kinds(names: str) -> frozenset[str]:
    """A set of node types, written as words."""
    return frozenset(names.split())
