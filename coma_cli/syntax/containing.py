"""Where a program contains a given function: the same tokens, however they are laid out, commented and qualified.

A model that completes a program around a function may reformat it, drop its comments and its docstring, write
`math.sqrt` for `sqrt` or the reverse, add modifiers such as `static`, and put it into a class. All else is a change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coma_cli.languages.language import kinds
from coma_cli.syntax.leaves import Leaf, leaves_of
from coma_cli.syntax.trees import Tree, parse, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_QUALIFYING = frozenset({".", "::", "->", "\\"})
_RECEIVERS = frozenset({"self", "this", "cls", "super", "$this"})  # `self.x` and `x` are two things
_IGNORED = frozenset({";", "public", "private", "protected", "internal", "static", "final", "export", "pub"})
_CLOSING = frozenset({")", "]", "}"})
_TEXTS = kinds("string concatenated_string")
_BODIES = kinds("module block expression_statement")
_QUOTES = "\"'"
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")


def span_of_function(language: str, program: str, function: str) -> tuple[int, int] | None:
    """The first place in a program, in characters, where a function is; None if nowhere.

    Without a grammar of the language words and punctuation are compared as they are.
    """
    wanted, there = _tokens(language, function), _tokens(language, program)
    if not wanted:
        return None
    texts, plain = [_plain(leaf) for leaf in there], [_plain(leaf) for leaf in wanted]
    for first, text in enumerate(texts):
        if text == plain[0]:
            last = _last_of_match(texts, first, plain)
            if last is not None:
                return there[first].start, there[last].end
    return None


def _last_of_match(texts: list[str], first: int, wanted: list[str]) -> int | None:
    """The index of the last token of `wanted` in `texts` from `first` on; either side may qualify a name."""
    here, there = first, 0
    while there < len(wanted):
        here, there = _past_qualifier(texts, here, wanted, there)
        if here >= len(texts) or texts[here] != wanted[there]:
            return None
        here, there = here + 1, there + 1
    return here - 1


def _past_qualifier(texts: list[str], here: int, wanted: list[str], there: int) -> tuple[int, int]:
    """Both places behind the qualifiers that only one side has: `a.b.c` is `c`."""
    while not _agree(texts, here, wanted, there) and _qualifies(texts, here):
        here += 2
    while not _agree(texts, here, wanted, there) and _qualifies(wanted, there):
        there += 2
    return here, there


def _agree(texts: list[str], here: int, wanted: list[str], there: int) -> bool:
    return here < len(texts) and there < len(wanted) and texts[here] == wanted[there]


def _qualifies(texts: list[str], place: int) -> bool:
    """Whether there is a name that only says where the next one is from."""
    if place + 2 >= len(texts) or texts[place + 1] not in _QUALIFYING or texts[place] in _RECEIVERS:
        return False
    return texts[place].isidentifier() and texts[place + 2].isidentifier()


def _tokens(language: str, code: str) -> list[Leaf]:
    """The tokens that count: no comments, docstrings, modifiers, semicolons and trailing commas."""
    tree = parse(language, code)
    if tree is None:
        return [Leaf("", word[0], word.start(), word.end(), "identifier") for word in _WORD_OR_SIGN.finditer(code)]
    texts = _lone_strings(tree) if language == "python" else frozenset()
    found = [
        leaf
        for leaf in leaves_of(tree, tree.root)
        if leaf.role != "comment" and leaf.text not in _IGNORED and leaf.start not in texts
    ]
    return [
        leaf
        for place, leaf in enumerate(found)
        if leaf.text != "," or place + 1 == len(found) or found[place + 1].text not in _CLOSING
    ]


def _lone_strings(tree: Tree) -> frozenset[int]:
    """Where the strings begin that are a statement of their own, as docstrings are."""
    return frozenset(tree.place(node.start_byte) for node in walk(tree.root) if _is_lone_string(node))


def _is_lone_string(node: Node) -> bool:
    return node.type in _TEXTS and node.parent is not None and node.parent.type in _BODIES


def _plain(leaf: Leaf) -> str:
    """A token's text; strings in either quotes are the same if they need no escape."""
    text = leaf.text
    if leaf.role == "literal" and len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        inner = text[1:-1]
        if not any(sign in inner for sign in "\"'\\"):
            return f'"{inner}"'
    return text
