"""Fixes that guard code against a value for which it fails: null, an empty collection, zero, another class.

A guard is known if what it protects fails without it. Found by removing guards from the fixed function: what remains
must be the buggy one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from coma_cli.syntax.fixes.change import (
    Change,
    Edit,
    Tokens,
    bare,
    change_of,
    dereferences,
    edit_of,
    edited,
    field,
    holds,
    inner,
    nodes,
    null_check,
    operands,
    operator_of,
    terms,
)
from coma_cli.syntax.trees import Tree

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_GUARDS = 3
_DEFAULTS = frozenset(("", "null", "false", "0", '""', "0.0", "- 1"))
_SIZES = ("size", "length")
_BY_INDEX = ("get", "remove", "charAt", "substring")
_BY_NAME = ("getFirst", "getLast", "first", "last", "pop", "peek", "removeFirst", "removeLast")


class Guard(NamedTuple):
    """A condition in a fixed function, the edits that remove it, and the code that only runs if it holds.

    `terms` are parts that must all be true (`positive`) or all be false for `protected` to run.
    """

    terms: list[Node]
    positive: bool
    edits: tuple[Edit, ...]
    protected: Tokens


def guarded(change: Change, depth: int = _MOST_GUARDS) -> list[tuple[str, Tokens]] | None:
    """The kinds and values of the guards that the fix adds, if it does nothing else; else None."""
    if change.buggy == change.fixed:
        return []
    if depth == 0 or len(change.fixed) <= len(change.buggy) or set(change.buggy) - set(change.fixed):
        return None
    for guard in guards(change.after):
        kinds = [_kind(change.after, term, guard) for term in guard.terms]
        if any(not kind for kind, _ in kinds):
            continue
        rest = change_of(change.before.code, edited(change.after.code, guard.edits))
        found = guarded(rest, depth - 1) if rest is not None else None
        if found is not None:
            return [*kinds, *found]
    return None


def guards(tree: Tree) -> Iterator[Guard]:
    """The conditions of a function that may be guards."""
    for node in nodes(tree, "if_statement"):
        yield from _of_if(tree, node)
    for node in nodes(tree, "ternary_expression"):
        condition = field(node, "condition")
        chosen, other = field(node, "consequence"), field(node, "alternative")
        for kept, default, operator in ((chosen, other, "&&"), (other, chosen, "||")):
            if " ".join(bare(tree.text(default))) in _DEFAULTS:
                text = tree.text(kept)
                yield Guard(terms(condition, operator), kept is chosen, (edit_of(tree, node, text),), bare(text))
    for node in nodes(tree, "binary_expression"):
        operator = operator_of(node)
        if operator not in ("&&", "||"):
            continue
        left, right = operands(node)
        for removed, kept in ((left, right), (right, left)):
            protected = bare(tree.text(right)) if removed is left else ()
            protected += _after(tree, node, operator)
            yield Guard(terms(removed, operator), operator == "&&", (edit_of(tree, node, tree.text(kept)),), protected)


def _of_if(tree: Tree, node: Node) -> Iterator[Guard]:
    condition, done = field(node, "condition"), field(node, "consequence")
    alternative = node.child_by_field_name("alternative")
    text = tree.text(done)
    if alternative is None and is_default_exit(tree, done):
        yield Guard(terms(condition, "||"), False, (edit_of(tree, node),), rest_after(tree, node))
    elif alternative is None or is_default_exit(tree, alternative):
        unwrapped = edit_of(tree, node, text)
        yield Guard(terms(condition, "&&"), True, (unwrapped,), bare(text))
        following = node.next_named_sibling
        if following is not None and following.type == "return_statement" and is_default_exit(tree, following):
            yield Guard(terms(condition, "&&"), True, (unwrapped, edit_of(tree, following)), bare(text))


def is_default_exit(tree: Tree, node: Node) -> bool:
    """Whether a statement only leaves: with nothing, null, false, zero or an empty string, or out of a loop's turn."""
    words = bare(tree.text(node))
    if words[:1] == ("return",):
        return " ".join(words[1:-1]) in _DEFAULTS
    return words in (("continue", ";"), ("break", ";"))


def always_leaves(node: Node) -> bool:
    """Whether a statement always ends with leaving."""
    last = node.named_children[-1] if node.type == "block" and node.named_children else node
    return last.type in ("return_statement", "throw_statement", "continue_statement", "break_statement")


def rest_after(tree: Tree, node: Node) -> Tokens:
    """The code after a statement, up to the end of the function."""
    return bare(tree.code[tree.span(node)[1] :])


def _after(tree: Tree, node: Node, operator: str) -> Tokens:
    """What runs after a chain of conditions of which none decided: its further terms and the branch."""
    start = tree.span(node)[1]
    while node.parent is not None and (
        operator_of(node.parent) == operator or node.parent.type == "parenthesized_expression"
    ):
        node = node.parent
    text = tree.code[start : tree.span(node)[1]]
    context = node.parent
    if context is None or context.type not in ("if_statement", "while_statement", "ternary_expression"):
        return bare(text)
    if operator == "&&":
        done = context.child_by_field_name("consequence") or context.child_by_field_name("body")
        return bare(text) + (bare(tree.text(done)) if done is not None else ())
    done = context.child_by_field_name("alternative")
    if done is not None:
        return bare(text) + bare(tree.text(done))
    if context.type == "if_statement" and always_leaves(field(context, "consequence")):
        return bare(text) + rest_after(tree, context)
    return bare(text)


def _kind(tree: Tree, term: Node, guard: Guard) -> tuple[str, Tokens]:
    """The kind of guard that a term is, and of which value; "" if what it protects does not fail without it."""
    compared = null_check(term)
    if compared is not None:
        value, operator = compared
        name = bare(tree.text(value))
        fits = (operator == "!=") == guard.positive and dereferences(guard.protected, name)
        return ("null" if fits else ""), name
    return _other_kind(tree, term, guard), bare(tree.text(term))


def _other_kind(tree: Tree, term: Node, guard: Guard) -> str:
    positive = guard.positive
    while term.type == "unary_expression" and tree.text(term).startswith("!"):
        term, positive = inner(field(term, "operand")), not positive
    words = bare(tree.text(term))
    if term.type == "instanceof_expression" and positive:
        value, kind = bare(tree.text(field(term, "left"))), bare(tree.text(field(term, "right")))
        return "class" if holds(guard.protected, kind + value) else ""
    if term.type == "method_invocation" and len(words) > 2:
        owner, method = words[:-2], words[-1]
        if method == "isEmpty" and not positive:
            return "elements" if _takes_element(guard.protected, owner) else ""
        if method == "hasNext" and positive:
            return "elements" if holds(guard.protected, (*owner, ".", "next")) else ""
    return _bound(tree, term, guard.protected, positive) if term.type == "binary_expression" else ""


def _takes_element(text: Tokens, owner: Tokens) -> bool:
    """Whether code takes a certain element, such as the first one, and not all in a loop."""
    for way in (("[",), *((".", method) for method in _BY_INDEX)):
        start = (*owner, *way)
        for at in range(len(text) - len(start)):
            index = text[at + len(start)]
            if text[at : at + len(start)] == start and (
                index.isdigit() or index.startswith("INT_") or index == owner[0]
            ):
                return True
    return any(holds(text, (*owner, ".", method)) for method in _BY_NAME)


_KEEPS = {True: ((">", "0"), (">=", "1"), ("!=", "0")), False: (("==", "0"), ("<=", "0"), ("<", "1"))}
_IN_RANGE = {True: ((">=", "0"), (">", "- 1"), ("!=", "- 1")), False: (("<", "0"), ("==", "- 1"), ("<=", "- 1"))}


def _bound(tree: Tree, term: Node, protected: Tokens, positive: bool) -> str:
    """A comparison that keeps a divisor from being zero, or an index in its range."""
    left, right = (bare(tree.text(side)) for side in operands(term))
    sign, value = operator_of(term), " ".join(right)
    if (sign, value) in _KEEPS[positive]:
        if left[-2:-1] == (".",) and left[-1] in _SIZES:
            return "elements" if _takes_element(protected, left[:-2]) else ""
        if holds(protected, ("/", *left)) or holds(protected, ("%", *left)):
            return "zero"
    if (sign, value) in _IN_RANGE[positive] and len(left) == 1:
        return "index" if _is_index(protected, left) else ""
    if len(right) > 2 and right[-2] == "." and right[-1] in _SIZES and sign == ("<" if positive else ">="):
        owner = right[:-2]
        taken = holds(protected, (*owner, "[", *left, "]")) or holds(protected, (*owner, ".", "get", *left))
        return "index" if taken or holds(protected, (*owner, ".", "charAt", *left)) else ""
    return ""


def _is_index(text: Tokens, name: Tokens) -> bool:
    return holds(text, ("[", *name, "]")) or any(
        holds(text, (".", method, *name)) for method in ("get", "charAt", "substring", "remove")
    )
