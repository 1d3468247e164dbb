"""Fixes that put the right variable in place of a wrong one, where the function shows which one that is.

Each rule yields edits of the buggy function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from coma_cli.syntax.fixes.change import (
    Change,
    Edit,
    bare,
    edit_of,
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

# By the type of a variable: the constants that may be in its place; null for others.
_TYPES_OF_CONSTANTS = {"boolean": "boolean", "java.lang.String": "string"} | dict.fromkeys(
    ("byte", "char", "double", "float", "int", "long", "short"), "number"
)
_UNCHANGING = ("trim", "replace", "replaceAll", "substring", "toLowerCase", "toUpperCase", "concat")


def assigned_to_itself(change: Change) -> Iterator[Edit]:
    """`a = a`, where a parameter hides a field: `this . a = a`."""
    tree = change.before
    for node in nodes(tree, "assignment_expression"):
        left, right = tree.text(field(node, "left")), tree.text(field(node, "right"))
        if left == right and left in change.declared:
            yield edit_of(tree, node, f"this . {left} = {right}")


def unused_variable(change: Change) -> Iterator[Edit]:
    """The only parameter or local variable that the function never uses, in place of another value.

    Where it belongs must be clear: it takes the place of the only constant, the only field or the only variable of its
    type, or of one of two equal variables in equal surroundings, by the order of their declarations.
    """
    counts = Counter(change.buggy)
    unused = [name for name in change.declared if counts[name] == 1]
    if len(unused) != 1:  # which one is missing would be a guess
        return
    (name,) = unused
    kinds: dict[str, list[Node]] = {}
    for node in _values(change.before):
        kind = _kind_of_value(change, node, change.declared[name])
        if kind and _is_in_scope(change.before, name, node):
            kinds.setdefault(kind, []).append(node)
    for found in kinds.values():
        if len(found) == 1:
            yield edit_of(change.before, found[0], name)
        elif len(found) == 2 and _are_alike(change.before, *found):
            order = list(change.declared)
            first = order.index(name) < order.index(text) if (text := change.before.text(found[0])) in order else False
            yield edit_of(change.before, found[0 if first else 1], name)


def _kind_of_value(change: Change, node: Node, wanted: str) -> str:
    """Whether a value is a constant, a field, or a variable of a type; "" if it is a variable of another type."""
    text = change.before.text(node)
    if text in change.declared:
        return "variable" if change.declared[text] == wanted else ""
    if node.type != "identifier" or text.startswith(("STRING_", "INT_", "CHAR_", "FLOAT_")):
        return "constant" if _type_of_constant(text) == _TYPES_OF_CONSTANTS.get(wanted, "null") else ""
    if text.startswith("TYPE_"):
        return ""
    return "argument" if node.parent is not None and node.parent.type == "argument_list" else "field"


def _type_of_constant(text: str) -> str:
    if text in ("true", "false"):
        return "boolean"
    return text if text == "null" else "string" if text.startswith(("STRING_", '"')) else "number"


def _are_alike(tree: Tree, one: Node, other: Node) -> bool:
    """Whether two values are the same variable and each the same part of equal expressions, or of one call."""
    parents = one.parent, other.parent
    if tree.text(one) != tree.text(other) or parents[0] is None or parents[1] is None:
        return False
    return parents[0] == parents[1] or bare(tree.text(parents[0])) == bare(tree.text(parents[1]))


def _values(tree: Tree) -> Iterator[Node]:
    """Identifiers and constants that are used as values."""
    for node in nodes(tree, "identifier", "true", "false", "null_literal", "string_literal"):
        parent = node.parent
        if parent is None or parent.type in (
            "formal_parameter",
            "labeled_statement",
            "catch_formal_parameter",
            "scoped_identifier",
        ):
            continue
        is_name = any(parent.child_by_field_name(name) == node for name in ("name", "field"))
        if not is_name and not (parent.type == "assignment_expression" and field(parent, "left") == node):
            yield node


def _is_in_scope(tree: Tree, name: str, node: Node) -> bool:
    """Whether a declaration precedes a node, in a block or head that encloses it."""
    for found in nodes(tree, "identifier"):
        if tree.text(found) == name and found.end_byte <= node.start_byte:
            owner = found.parent
            while owner is not None and owner.type not in (
                "block",
                "method_declaration",
                "constructor_declaration",
                "enhanced_for_statement",
                "for_statement",
                "lambda_expression",
                "try_with_resources_statement",
            ):
                owner = owner.parent
            return owner is not None and owner.start_byte <= node.start_byte < owner.end_byte
    return False


def checked_variable(change: Change) -> Iterator[Edit]:
    """Code that checks one variable for null and then uses another one: `if ( a != null ) b . close ( )`."""
    tree = change.before
    for statement in nodes(tree, "if_statement"):
        for term in terms(field(statement, "condition"), "&&"):
            compared = null_check(term)
            if compared is None or compared[1] != "!=":
                continue
            name = bare(tree.text(compared[0]))
            done = field(statement, "consequence")
            if len(name) != 1 or name[0] in bare(tree.text(done)):
                continue
            for call in nodes(tree, "method_invocation", below=done):
                used = call.child_by_field_name("object")
                if used is not None and inner(used).type == "identifier":
                    yield edit_of(tree, used, name[0])


def other_check(change: Change) -> Iterator[Edit]:
    """A check for null of a value that its branch does not use, while it uses another one that may be null."""
    tree = change.before
    for statement in nodes(tree, "if_statement"):
        compared = null_check(field(statement, "condition"))
        done = bare(tree.text(field(statement, "consequence")))
        if compared is None or compared[1] != "!=" or holds(done, bare(tree.text(compared[0]))):
            continue
        for call in nodes(tree, "method_invocation", below=field(statement, "consequence")):
            used = call.child_by_field_name("object")
            if used is not None and inner(used).type == inner(compared[0]).type:
                yield edit_of(tree, compared[0], tree.text(used))


def built_value(change: Change) -> Iterator[Edit]:
    """A local object that is made and filled and then given to nobody, while another value is returned."""
    tree = change.before
    made = {
        tree.text(field(node, "name"))
        for node in nodes(tree, "variable_declarator")
        if (value := node.child_by_field_name("value")) is not None and value.type == "object_creation_expression"
    }
    for name in made:
        uses = [node for node in _values(tree) if tree.text(node) == name]
        if not uses or not all(_is_receiver(node) for node in uses):
            continue
        for node in nodes(tree, "return_statement"):
            if node.named_children and inner(node.named_children[0]).type in ("identifier", "null_literal"):
                yield edit_of(tree, node.named_children[0], name)


def _is_receiver(node: Node) -> bool:
    """Whether a name is the object of a call whose result is dropped."""
    call = node.parent
    return (
        call is not None
        and call.type == "method_invocation"
        and call.child_by_field_name("object") == node
        and call.parent is not None
        and call.parent.type == "expression_statement"
    )


def other_key(change: Change) -> Iterator[Edit]:
    """A value that is looked up under one key and put into the same map under another one."""
    tree = change.before
    for call in nodes(tree, "method_invocation"):
        owner, given = call.child_by_field_name("object"), field(call, "arguments").named_children
        if owner is None or tree.text(field(call, "name")) != "put" or len(given) != 2:
            continue
        keys = {
            tree.text(field(other, "arguments").named_children[0])
            for other in nodes(tree, "method_invocation")
            if tree.text(field(other, "name")) == "get"
            and (of := other.child_by_field_name("object")) is not None
            and tree.text(of) == tree.text(owner)
            and field(other, "arguments").named_child_count == 1
        }
        if len(keys) == 1 and tree.text(given[0]) not in keys:
            yield edit_of(tree, given[0], keys.pop())


def not_forwarded(change: Change) -> Iterator[Edit]:
    """A method that hands over to a method of the same name and forgets its parameters."""
    tree = change.before
    for method in nodes(tree, "method_declaration"):
        name, given = tree.text(field(method, "name")), _parameter_names(tree, method)
        counts = Counter(change.buggy)
        if not given or any(counts[parameter] > 1 for parameter in given):
            continue
        for call in nodes(tree, "method_invocation"):
            arguments = field(call, "arguments")
            if tree.text(field(call, "name")) == name and arguments.named_child_count == 0:
                yield edit_of(tree, arguments, f"( {' , '.join(given)} )")


def wrong_limit(change: Change) -> Iterator[Edit]:
    """A value that is limited, and set to something else than the limit that it passed."""
    tree = change.before
    limits = list(_limits(tree))
    right = [pair for pair in limits if pair[1] == pair[2]]
    for node, limit, value in limits:
        if limit != value and len(right) * 2 >= len(limits):
            yield edit_of(tree, node, " ".join(limit))


def _limits(tree: Tree) -> Iterator[tuple[Node, tuple[str, ...], tuple[str, ...]]]:
    """Of each `if ( a > limit ) a = value`: the node of the value, the limit and the value."""
    for statement in nodes(tree, "if_statement"):
        condition = inner(field(statement, "condition"))
        if operator_of(condition) not in ("<", ">", "<=", ">="):
            continue
        for node in nodes(tree, "assignment_expression", below=field(statement, "consequence")):
            value = field(node, "right")
            if bare(tree.text(field(node, "left"))) == bare(tree.text(operands(condition)[0])):
                yield value, bare(tree.text(operands(condition)[1])), bare(tree.text(value))


def ignored_result(change: Change) -> Iterator[Edit]:
    """A method that returns a changed copy of a string, called as if it changed the string."""
    tree = change.before
    for node in nodes(tree, "expression_statement"):
        call = node.named_children[0]
        value = call.child_by_field_name("object") if call.type == "method_invocation" else None
        if value is None or tree.text(field(call, "name")) not in _UNCHANGING:
            continue
        name = tree.text(value)
        if change.declared.get(name, "java.lang.String") == "java.lang.String" and inner(value).type == "identifier":
            yield edit_of(tree, node, f"{name} = {tree.text(node)}")


def endless_recursion(change: Change) -> Iterator[Edit]:
    """A method whose first step is to call itself with its own parameters: the inherited method was meant."""
    tree = change.before
    for method in nodes(tree, "method_declaration"):
        name, given = tree.text(field(method, "name")), _parameter_names(tree, method)
        body = method.child_by_field_name("body")
        for call in nodes(tree, "method_invocation", below=body) if body is not None else ():
            owner = call.child_by_field_name("object")
            arguments = [tree.text(argument) for argument in field(call, "arguments").named_children]
            is_own = owner is None or tree.text(owner) == "this"
            if is_own and tree.text(field(call, "name")) == name and arguments == given and _is_certain(call, body):
                yield edit_of(tree, call, f"super . {name} {tree.text(field(call, 'arguments'))}")


def _parameter_names(tree: Tree, method: Node) -> list[str]:
    parameters = field(method, "parameters").named_children
    return [tree.text(field(node, "name")) for node in parameters if node.child_by_field_name("name") is not None]


def _is_certain(node: Node, body: Node | None) -> bool:
    """Whether a node runs whenever the body does: no condition and no loop encloses it."""
    context = node.parent
    while context is not None and context != body:
        if context.type.startswith(
            ("if_", "for_", "while_", "switch", "ternary", "enhanced", "lambda", "catch", "class")
        ):
            return False
        context = context.parent
    return True
