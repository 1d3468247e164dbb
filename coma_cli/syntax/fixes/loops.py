"""Fixes of loops and of indexes that leave their range. Each rule yields edits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coma_cli.syntax.fixes.change import (
    Change,
    Edit,
    Tokens,
    assigns,
    bare,
    edit_of,
    field,
    holds,
    inner,
    nodes,
    operands,
    operator_of,
    with_operator,
)
from coma_cli.syntax.trees import Tree

if TYPE_CHECKING:
    from tree_sitter import Node

_SIZES = ("length", "size")
_READS = ("get", "charAt")
_LIMITS = {">": ("<", ">", "<="), ">=": ("<", ">", "<="), "<": (">",), "<=": (">",)}
_STEPS = ("++", "--")


def past_the_end(change: Change) -> Iterator[Edit]:
    """A loop or an index that runs past the last element."""
    tree = change.before
    for loop in nodes(tree, "for_statement", "while_statement"):
        condition, body = loop.child_by_field_name("condition"), bare(tree.text(field(loop, "body")))
        condition = inner(condition) if condition is not None else loop
        if operator_of(condition) != "<=":
            continue
        left, right = (bare(tree.text(side)) for side in operands(condition))
        start = loop.child_by_field_name("init")
        counts_from_zero = start is not None and bare(tree.text(start))[-4:] == (*left, "=", "0", ";")
        if _is_size(right) and (counts_from_zero or _indexes(body, right[:-2], left)):
            yield with_operator(tree, condition, "<")
    for owner, index in _reads(tree):
        size = bare(tree.text(index))
        if _is_size(size) and size[:-2] == bare(tree.text(owner)):
            yield edit_of(tree, index, f"{tree.text(index)} - 1")


def other_length(change: Change) -> Iterator[Edit]:
    """A loop over the indexes of one sequence that reads only another one, or an index computed from the wrong size."""
    tree = change.before
    for size in nodes(tree, "method_invocation", "field_access"):
        words = bare(tree.text(size))
        owner = size.child_by_field_name("object")
        if owner is None or not _is_size(words):
            continue
        read = {bare(tree.text(node)) for node, _ in _reads(tree)}
        if len(read) == 1 and words[:-2] not in read:
            (name,) = read
            if len(name) == 1:
                yield edit_of(tree, owner, name[0])


def loop_direction(change: Change) -> Iterator[Edit]:
    """A loop that counts away from its end: `i >= 0 ; i ++`."""
    tree = change.before
    for loop in nodes(tree, "for_statement"):
        condition, update = loop.child_by_field_name("condition"), loop.child_by_field_name("update")
        if condition is None or update is None or update.type != "update_expression":
            continue
        condition, words = inner(condition), bare(tree.text(update))
        name = bare(tree.text(operands(condition)[0])) if operator_of(condition) else ()
        down = operator_of(condition) in (">", ">=")
        if len(name) == 1 and name[0] in words and ("++" in words) == down and operator_of(condition) in _LIMITS:
            step = _STEPS[down]
            yield edit_of(tree, update, tree.text(update).replace(_STEPS[not down], step))


def endless_loop(change: Change) -> Iterator[Edit]:
    """A `while` loop without the step of its counter; an edit of the fixed function."""
    tree = change.after
    for loop in nodes(tree, "while_statement"):
        names = set(bare(tree.text(field(loop, "condition"))))
        for node in nodes(tree, "expression_statement", below=field(loop, "body")):
            words = bare(tree.text(node))
            stepped = [word for word in words if word in change.declared]
            rest = bare(tree.text(loop).replace(tree.text(node), " "))
            is_step = len(words) == 3 and bool({*words} & {*_STEPS}) and len(stepped) == 1 and stepped[0] in names
            if is_step and not changes(rest, stepped[0]):
                yield edit_of(tree, node)


def other_counter(change: Change) -> Iterator[Edit]:
    """A `while` loop that tests a variable that it never changes, and not the counter that it changes."""
    tree = change.before
    for loop in nodes(tree, "while_statement"):
        body = bare(tree.text(field(loop, "body")))
        counters = [name for name in change.declared if any(holds(body, (name, step)) for step in _STEPS)]
        for node in nodes(tree, "identifier", below=field(loop, "condition")):
            name = tree.text(node)
            if len(counters) == 1 and name in change.declared and not changes(body, name):
                yield edit_of(tree, node, counters[0])


def changes(text: Tokens, name: str) -> bool:
    """Whether code assigns to a variable or steps it."""
    near = any(holds(text, (name, step)) or holds(text, (step, name)) for step in _STEPS)
    return near or assigns(text, (name,)) or any(holds(text, (name, f"{sign}=")) for sign in "+-*/")


def _reads(tree: Tree) -> Iterator[tuple[Node, Node]]:
    """The sequences of which an element is read, each with the index."""
    for node in nodes(tree, "array_access", "method_invocation"):
        if node.type == "array_access":
            yield field(node, "array"), field(node, "index")
            continue
        owner, given = node.child_by_field_name("object"), field(node, "arguments").named_children
        if owner is not None and len(given) == 1 and tree.text(field(node, "name")) in _READS:
            yield owner, given[0]


def _is_size(words: Tokens) -> bool:
    return len(words) > 2 and words[-2] == "." and words[-1] in _SIZES


def _indexes(text: Tokens, owner: Tokens, index: Tokens) -> bool:
    ways = (("[", *index, "]"), *((".", name, *index) for name in _READS))
    return any(holds(text, (*owner, *way)) for way in ways)
