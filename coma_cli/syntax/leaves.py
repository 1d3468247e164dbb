"""The tokens of code according to its grammar, which duplicate and decontamination checks compare.

A string without interpolation is one leaf, quotes included; one with interpolation yields its pieces and the leaves of
the code in it. Layout yields no leaves; text that the grammar can't parse yields the leaves that are recognized.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from coma_cli.languages.language import kinds
from coma_cli.syntax.trees import Tree, grammar_of, parse

if TYPE_CHECKING:
    from tree_sitter import Node

_ERROR = 65535  # the type number of nodes that the grammar could not parse

Role = Literal["identifier", "literal", "comment", "keyword_or_sign"]

COMMENTS = kinds("comment line_comment block_comment html_comment marginalia hash_bang_line")
# String-like nodes, which grammars split into quotes, fragments and escapes.
STRINGS = kinds(
    "string string_literal raw_string_literal verbatim_string_literal interpreted_string_literal template_string "
    "encapsed_string heredoc nowdoc heredoc_body regex char_literal character_literal rune_literal string_array "
    "symbol_array delimited_symbol interpolated_string_expression concatenated_string subshell "
    "shell_command_expression"
)
_PIECES = kinds(
    "string_content string_fragment string_start string_end escape_sequence multiline_string_fragment "
    "string_literal_content string_literal_encoding heredoc_content heredoc_start heredoc_end heredoc_beginning "
    "nowdoc_body nowdoc_string regex_pattern regex_flags character character_literal_content raw_string_content "
    "raw_string_delimiter interpreted_string_literal_content raw_string_literal_content raw_string_start "
    "raw_string_end bare_string bare_symbol interpolation_brace escape_interpolation string_value jsx_text text "
    "template_chars string_literal_delimiter"
)
_NAMES = kinds("name constant instance_variable class_variable global_variable variable hash_key_symbol tag_name")
_LITERALS = _PIECES | kinds(
    "integer float number rational complex imaginary true false null none nil undefined simple_symbol literal "
    "boolean char_content ellipsis"
)
_WORDS_OF_VALUES = kinds("true false null nullptr nil none")


class Leaf(NamedTuple):
    """One token: its node type in the grammar, its text, its position in the code (in characters) and its role."""

    kind: str
    text: str
    start: int
    end: int
    role: Role


def leaves(language: str, code: str) -> list[Leaf]:
    """The tokens of a text in order; empty for a language without a grammar."""
    tree = parse(language, code)
    return [] if tree is None else leaves_of(tree, tree.root)


def leaves_of(tree: Tree, root: Node) -> list[Leaf]:
    """The tokens below one node of a tree. A cursor is twice as fast as lists of children."""
    names, roles, whole = _table(tree.grammar)
    code, place = tree.code, _placing(tree)
    found: list[Leaf] = []
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        kind = node.kind_id
        if (kind not in whole or not _is_one(node)) and cursor.goto_first_child():
            continue
        start, end = place(node.start_byte), place(node.end_byte)
        text = code[start:end]
        if text and not text.isspace():
            found.append(Leaf(names[kind], text, start, end, roles[kind]))
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found


def _placing(tree: Tree) -> Callable[[int], int]:
    """`tree.place`, or the identity if every byte is a character and there is no frame."""
    if tree.code.isascii() and len(tree.code) == len(tree.source):
        return int
    return tree.place


def role_of(kind: str, is_named: bool) -> Role:
    """The role of a leaf, by its node type; unnamed nodes of a grammar are literal tokens."""
    if not is_named:
        return "literal" if kind in _WORDS_OF_VALUES else "keyword_or_sign"
    if "identifier" in kind or kind in _NAMES:
        return "identifier"
    if kind in COMMENTS:
        return "comment"
    if kind in _LITERALS or kind in STRINGS or kind.endswith(("_literal", "_string")):
        return "literal"
    return "keyword_or_sign"


@cache
def _table(grammar: str) -> tuple[dict[int, str], dict[int, Role], frozenset[int]]:
    """By number of the node type: its name, its role, and whether its parts may be one leaf."""
    language = grammar_of(grammar)
    numbers = [*range(language.node_kind_count), _ERROR]
    names = {number: language.node_kind_for_id(number) or "ERROR" for number in numbers}
    roles = {number: role_of(kind, language.node_kind_is_named(number)) for number, kind in names.items()}
    whole = frozenset(number for number, kind in names.items() if kind in COMMENTS or kind in STRINGS)
    return names, roles, whole


def _is_one(node: Node) -> bool:
    """Whether a comment or string contains no code."""
    return node.type in COMMENTS or all(
        child.type in _PIECES or (child.type in STRINGS and _is_one(child)) for child in node.named_children
    )
