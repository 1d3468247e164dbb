"""Fixes that add, remove or move one statement, where the rest of the function shows that it is missing or misplaced.

Each rule yields edits of the fixed function that should give the buggy one, or of the buggy one that should give the
fixed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coma_cli.languages.language import kinds
from coma_cli.syntax.fixes.change import (
    Change,
    Edit,
    Tokens,
    assigns,
    bare,
    dereferences,
    edit_of,
    field,
    holds,
    inner,
    nodes,
    null_check,
    null_checks,
    terms,
)
from coma_cli.syntax.fixes.guards import always_leaves, is_default_exit, rest_after
from coma_cli.syntax.trees import Tree

if TYPE_CHECKING:
    from tree_sitter import Node

# Calls that programs repeat on purpose: each writes, reads or skips one more thing.
_REPEATABLE = kinds("append print println write newLine next read readLine skip push pop remove ++ -- += -=")
_CLOSING = {"close": (), "unlock": ("lock",), "disconnect": (), "release": ("acquire",), "recycle": ()}


def missing_break(change: Change) -> Iterator[Edit]:
    """A case of a switch that falls through into the next one."""
    tree = change.after
    for group in nodes(tree, "switch_block_statement_group"):
        statements = [child for child in group.named_children if child.type != "switch_label"]
        following = group.next_named_sibling
        if len(statements) > 1 and statements[-1].type == "break_statement" and following is not None:
            yield edit_of(tree, statements[-1])


def not_released(change: Change) -> Iterator[Edit]:
    """A local resource or a lock that is taken and never released."""
    tree = change.after
    opened = _opened(change)
    for node in nodes(tree, "expression_statement"):
        words = bare(tree.text(node))
        if len(words) != 4 or words[1] != "." or words[2] not in _CLOSING or holds(change.buggy, (*words[:3],)):
            continue
        pairs = _CLOSING[words[2]]
        taken = any(holds(change.buggy, (words[0], ".", method)) for method in pairs)
        if taken or (not pairs and words[0] in opened and not holds(change.buggy, ("return", words[0]))):
            yield _without_frame(tree, node)


def _opened(change: Change) -> set[str]:
    """The local variables that are set to a new object or to what a call returns."""
    tree = change.before
    return {
        tree.text(field(node, "name"))
        for node in nodes(tree, "variable_declarator")
        if (value := node.child_by_field_name("value")) is not None
        and inner(value).type in ("object_creation_expression", "method_invocation")
    }


def _without_frame(tree: Tree, node: Node) -> Edit:
    """Removal of a statement, and of a `finally` and a `try` that are there for nothing else."""
    block = node.parent
    clause = block.parent if block is not None and block.named_child_count == 1 else None
    if clause is None or clause.type != "finally_clause" or clause.parent is None:
        return edit_of(tree, node)
    attempt = clause.parent
    if any(child.type == "catch_clause" for child in attempt.named_children):
        return edit_of(tree, clause)
    return edit_of(tree, attempt, tree.text(field(attempt, "body")))


def missing_exit(change: Change) -> Iterator[Edit]:
    """A branch for null that goes on to the code that fails for null."""
    tree = change.after
    for statement in nodes(tree, "if_statement"):
        done = field(statement, "consequence")
        if done.type != "block" or done.named_child_count < 2 or not is_default_exit(tree, done.named_children[-1]):
            continue
        rest = rest_after(tree, statement)
        for term in terms(field(statement, "condition"), "||"):
            compared = null_check(term)
            if compared is None or compared[1] != "==":
                continue
            name = bare(tree.text(compared[0]))
            if dereferences(rest, name) and not assigns(bare(tree.text(done)), name):
                yield edit_of(tree, done.named_children[-1])


def not_thrown(change: Change) -> Iterator[Edit]:
    """An exception that is created and not thrown."""
    tree = change.before
    for node in nodes(tree, "expression_statement"):
        if node.named_children[0].type == "object_creation_expression":
            kind = tree.text(field(node.named_children[0], "type"))
            if kind.endswith(("Exception", "Error")):
                yield edit_of(tree, node, f"throw {tree.text(node)}")


def repeated_statement(change: Change) -> Iterator[Edit]:
    """A call that is repeated at once with the same arguments, where nothing happens in between."""
    tree = change.before
    for node in nodes(tree, "expression_statement", "local_variable_declaration", "if_statement"):
        following = node.next_named_sibling
        words = bare(tree.text(node))
        if following is not None and words == bare(tree.text(following)) and not _REPEATABLE & set(words):
            yield edit_of(tree, following)


def not_stored(change: Change) -> Iterator[Edit]:
    """A value that is looked up in a map, made when it is missing, and not put into the map."""
    tree = change.after
    for node in nodes(tree, "expression_statement"):
        call = node.named_children[0]
        owner = call.child_by_field_name("object") if call.type == "method_invocation" else None
        if owner is None or tree.text(field(call, "name")) not in ("put", "add", "set"):
            continue
        given = [bare(tree.text(argument)) for argument in field(call, "arguments").named_children]
        lookup = (*bare(tree.text(owner)), ".", "get", *given[0]) if given else ()
        if len(given) == 2 and lookup and holds(change.buggy, lookup):
            made = (*given[1], "=", "new")
            checked = any(bare(change.before.text(value)) == given[1] for _, value, _ in null_checks(change.before))
            if holds(change.buggy, made) and checked:
                yield edit_of(tree, node)


def used_before_check(change: Change) -> Iterator[tuple[Edit, Edit]]:
    """A statement that uses a variable above the check for null that should protect it: below the check, or in it."""
    tree = change.before
    for node in nodes(tree, "expression_statement", "local_variable_declaration"):
        text = bare(tree.text(node))
        for check in _later_checks(tree, node):
            for term in terms(field(check, "condition"), "&&") + terms(field(check, "condition"), "||"):
                compared = null_check(term)
                if compared is None or not dereferences(text, bare(tree.text(compared[0]))):
                    continue
                place = _protected_place(tree, check, compared[1])
                if place is not None:
                    yield edit_of(tree, node), Edit(place, place, tree.text(node))


def _later_checks(tree: Tree, node: Node) -> Iterator[Node]:
    following = node.next_named_sibling
    while following is not None:
        if following.type == "if_statement":
            yield following
        following = following.next_named_sibling


def _protected_place(tree: Tree, check: Node, sign: str) -> int | None:
    """Where code after a check for null starts: in its branch, or below it."""
    done = field(check, "consequence")
    if sign == "!=":
        return tree.span(done)[0] + (1 if done.type == "block" else 0)
    return tree.span(check)[1] if always_leaves(done) else None


def extended_guard(change: Change) -> bool:
    """Whether the fix only moves the end of a branch, so that a check for null covers all uses."""
    if change.buggy != change.fixed:
        return False
    return any(
        sign == "!=" and _covers_more(change, node, bare(change.after.text(value)))
        for node, value, sign in null_checks(change.after)
    )


def _covers_more(change: Change, check: Node, name: Tokens) -> bool:
    """Whether the branch of a check for null uses the value in statements that were outside of it."""
    branch = _branch(change.after, check)
    text = bare(change.after.text(check))
    for node, _, _ in null_checks(change.before):
        if bare(change.before.text(node)) == text:
            before = _branch(change.before, node)
            more = len(branch) > len(before) and branch[: len(before)] == before
            return more and bool(before) and dereferences(branch[len(before) :], name)
    return False


def _branch(tree: Tree, check: Node) -> Tokens:
    context: Node | None = check
    while context is not None and context.type != "if_statement":
        context = context.parent
    return bare(tree.text(field(context, "consequence"))) if context is not None else ()


def not_kept(change: Change) -> Iterator[Edit]:
    """`if ( a == null ) return new A ( ) ; return a ;`, which makes a new object at each call: `a = new A ( )`."""
    tree = change.before
    for statement in nodes(tree, "if_statement"):
        compared = null_check(field(statement, "condition"))
        if compared is None or compared[1] != "==":
            continue
        name = tree.text(compared[0])
        for node in nodes(tree, "return_statement", below=field(statement, "consequence")):
            made = node.named_children[0] if node.named_children else node
            is_new = made.type == "object_creation_expression"
            if is_new and holds(rest_after(tree, statement), ("return", *bare(name), ";")):
                yield edit_of(tree, node, f"{name} = {tree.text(made)} ;")


def old_value(change: Change) -> Iterator[Edit]:
    """`return map . put ( key , value )`, which returns the previous value."""
    tree = change.before
    for node in nodes(tree, "return_statement"):
        call = inner(node.named_children[0]) if node.named_children else node
        if call.type == "method_invocation" and tree.text(field(call, "name")) == "put":
            given = field(call, "arguments").named_children
            if len(given) == 2:
                yield edit_of(tree, node, f"{tree.text(call)} ; return {tree.text(given[1])} ;")


def used_before_set(change: Change) -> Iterator[tuple[Edit, Edit]]:
    """A statement that uses a local variable while it is still null, just above the one that sets it."""
    tree = change.before
    empty = {
        tree.text(field(node, "name"))
        for node in nodes(tree, "variable_declarator")
        if (value := node.child_by_field_name("value")) is not None and value.type == "null_literal"
    }
    for node in nodes(tree, "expression_statement"):
        following = node.next_named_sibling
        call = node.named_children[0]
        if following is None or call.type != "method_invocation":
            continue
        words = bare(tree.text(following))
        name = words[0]
        if name in empty and words[1:2] == ("=",) and name in bare(tree.text(node)):
            end = tree.span(following)[1]
            if bare(tree.code[: tree.span(node)[0]]).count(name) == 1:  # its declaration
                yield edit_of(tree, node), Edit(end, end, tree.text(node))
