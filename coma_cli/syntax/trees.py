"""Syntax trees of whole files and of lone functions, by the grammars that tree-sitter-language-pack bundles.

A lone method, constructor or anonymous function is no program of its language; where a text does not parse as it
stands it is tried inside of each frame of its language (a class, a call), and the tree then counts places as if the
frame were not there. Python is judged by the running interpreter's own grammar; its tree-sitter tree serves for leaves.
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

# The grammar and the frame (what to put before and behind a text) of each try, in their order.
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
    """A parsed text. `root` covers `source` (UTF-8), in which `code` begins `before` bytes from the start."""

    language: str
    grammar: str
    code: str
    root: Node
    source: bytes
    before: int

    @cached_property
    def has_error(self) -> bool:
        """Whether something in the text is not of the language."""
        return self.is_broken(self.root)

    def is_broken(self, node: Node) -> bool:
        """Whether the grammar had to skip or make up something below a node.

        In C and C++ a skipped name may be a macro that stands for nothing or for an attribute, so it is no error.
        """
        return bool(node.has_error) and not (self.language in ("c", "cpp") and _only_skips_names(node))

    @cached_property
    def first_row(self) -> int:
        """The row of `source` in which the code begins."""
        return self.source.count(b"\n", 0, self.before)

    def span(self, node: Node) -> tuple[int, int]:
        """Where a node begins and ends in `code`, in characters; a part outside of it is cut off."""
        return self.place(node.start_byte), self.place(node.end_byte)

    def place(self, byte: int) -> int:
        """The character of `code` at a byte of `source`."""
        within = max(byte - self.before, 0)
        characters = self._characters
        return min(within, len(self.code)) if characters is None else characters[min(within, len(characters) - 1)]

    def text(self, node: Node) -> str:
        """What a node covers."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    @cached_property
    def _characters(self) -> list[int] | None:
        """How many characters begin before each byte of the code; None where a byte is a character."""
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
    """The tree of a text, of the first frame in which it has no error, else as it stands; None without a grammar."""
    if language not in _FRAMES:
        return None
    tries = (_framed(language, code, grammar, frame) for grammar, frame in _FRAMES[language])
    first = next(tries)
    return first if not first.has_error else next((tree for tree in tries if not tree.has_error), first)


def parses(language: str, code: str) -> bool | None:
    """Whether a text is free of syntax errors; None for a language that is not known here."""
    if language == "python":
        return parses_as_python(code)
    tree = parse(language, code)
    return None if tree is None else not tree.has_error


def encode(code: str) -> bytes:
    """UTF-8, lone surrogates too: rows may hold any text that JSON can."""
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
    """A grammar by its name in the language pack; loaded once."""
    return get_language(cast(SupportedLanguage, name))


def kinds(names: str) -> frozenset[str]:
    """A set of node types, written as words."""
    return frozenset(names.split())
