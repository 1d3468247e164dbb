"""A Java function before and after a fix, and edits of one that should give the other.

The code is a sequence of space-separated tokens, as Bugs2Fix publishes it. Texts are compared without brackets: the
publisher's printer adds parentheses around operands, and braces come and go with statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from coma_cli.syntax.finding import captured
from coma_cli.syntax.trees import Tree, parse

if TYPE_CHECKING:
    from tree_sitter import Node

Tokens = tuple[str, ...]

_BRACKETS = frozenset("(){}")


class Edit(NamedTuple):
    """Characters `start` to `end` of a text give way to `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Change:
    """The trees of a function before and after its fix; both parse."""

    before: Tree
    after: Tree

    @cached_property
    def buggy(self) -> Tokens:
        """The tokens before the fix, without brackets."""
        return bare(self.before.code)

    @cached_property
    def fixed(self) -> Tokens:
        """The tokens after the fix, without brackets."""
        return bare(self.after.code)

    @cached_property
    def declared(self) -> dict[str, str]:
        """The parameters and local variables before the fix, with their types as written."""
        return dict(_declared(self.before))


def change_of(buggy: str, fixed: str) -> Change | None:
    """The two functions as trees; None if one of them has a syntax error."""
    before, after = parse("java", buggy), parse("java", fixed)
    if before is None or after is None or before.has_error or after.has_error:
        return None
    return Change(before, after)


def bare(text: str) -> Tokens:
    """The tokens of a text without parentheses and braces."""
    return tuple(token for token in text.split() if token not in _BRACKETS)


def edited(code: str, edits: Iterable[Edit]) -> str:
    """A text with edits that do not overlap."""
    for edit in sorted(edits, reverse=True):
        code = f"{code[: edit.start]} {edit.text} {code[edit.end :]}"
    return code


def edit_of(tree: Tree, node: Node, text: str = "") -> Edit:
    """The edit that puts a text in place of a node."""
    return Edit(*tree.span(node), text)


def nodes(tree: Tree, *kinds: str, below: Node | None = None) -> list[Node]:
    """The nodes of some types, in text order."""
    return captured(tree, tree.root if below is None else below, frozenset(kinds))


def field(node: Node, name: str) -> Node:
    """A child that the grammar requires, by its field."""
    child = node.child_by_field_name(name)
    assert child is not None
    return child


def inner(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def operator_of(node: Node) -> str:
    """The operator of a binary expression; "" for other nodes."""
    operator = node.child_by_field_name("operator") if node.type == "binary_expression" else None
    return operator.type if operator is not None else ""


def operands(node: Node) -> tuple[Node, Node]:
    """The operands of a binary expression, without parentheses."""
    return inner(field(node, "left")), inner(field(node, "right"))


def with_operator(tree: Tree, node: Node, sign: str) -> Edit:
    """The edit that gives a binary expression another operator."""
    return edit_of(tree, node, f"{tree.text(field(node, 'left'))} {sign} {tree.text(field(node, 'right'))}")


def terms(node: Node, operator: str) -> list[Node]:
    """The operands of a chain of `&&` or of `||`; an expression of another kind is one term."""
    node = inner(node)
    if operator_of(node) != operator:
        return [node]
    return [term for side in operands(node) for term in terms(side, operator)]


def holds(text: Tokens, part: Tokens) -> bool:
    """Whether a sequence of tokens occurs in another."""
    length = len(part)
    return any(text[at : at + length] == part for at in range(len(text) - length + 1))


def dereferences(text: Tokens, name: Tokens) -> bool:
    """Whether code uses a member or an element of an expression, or loops over it: all fail if it is null."""
    length = len(name)
    for at in range(len(text) - length + 1):
        if text[at : at + length] == name and (at == 0 or text[at - 1] != "."):
            following = text[at + length] if at + length < len(text) else ""
            if following in (".", "[") and text[at + length : at + length + 2] != ("[", "]"):
                return True
            if at > 1 and text[at - 1] == ":" and text[at - 3] not in ("?", "case"):
                return True
    return False


def assigns(text: Tokens, name: Tokens) -> bool:
    """Whether code assigns to a variable."""
    return holds(text, (*name, "="))


def null_checks(tree: Tree) -> Iterator[tuple[Node, Node, str]]:
    """The comparisons with null, with what they compare and their operator."""
    for node in nodes(tree, "binary_expression"):
        found = null_check(node)
        if found is not None:
            yield node, *found


def null_check(node: Node) -> tuple[Node, str] | None:
    """What an expression compares with null, and its operator."""
    node = inner(node)
    if operator_of(node) not in ("==", "!="):
        return None
    left, right = operands(node)
    if right.type == "null_literal":
        return left, operator_of(node)
    return (right, operator_of(node)) if left.type == "null_literal" else None


def _declared(tree: Tree) -> Iterator[tuple[str, str]]:
    for node in nodes(tree, "formal_parameter", "local_variable_declaration", "enhanced_for_statement", "resource"):
        kind = node.child_by_field_name("type")
        if kind is None:
            continue
        names = (
            [node] if node.child_by_field_name("name") is not None else nodes(tree, "variable_declarator", below=node)
        )
        for named in names:
            yield tree.text(field(named, "name")), tree.text(kind)
