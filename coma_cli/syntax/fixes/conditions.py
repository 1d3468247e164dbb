"""Fixes of conditions and expressions that are wrong by the rules of Java, whatever the names stand for.

Each rule yields edits of the buggy function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coma_cli.syntax.fixes.change import (
    Change,
    Edit,
    Tokens,
    assigns,
    bare,
    dereferences,
    edit_of,
    field,
    inner,
    nodes,
    null_check,
    null_checks,
    operands,
    operator_of,
    terms,
    with_operator,
)
from coma_cli.syntax.fixes.guards import always_leaves, rest_after
from coma_cli.syntax.trees import Tree

if TYPE_CHECKING:
    from tree_sitter import Node

_OTHER = {"==": "!=", "!=": "==", "&&": "||", "||": "&&"}
_SHORT = {"&": "&&", "|": "||"}
_BOXED = frozenset(("java.lang.String", "java.lang.Integer", "java.lang.Long", "java.lang.Double", "java.lang.Float"))
_FLOATING = frozenset(("double", "float", "java.lang.Double", "java.lang.Float"))
_WHOLE = frozenset(("int", "long", "short", "byte"))


def string_identity(change: Change) -> Iterator[Edit]:
    """`==` between strings or boxed numbers, which compares references: `equals`."""
    tree = change.before
    for node in nodes(tree, "binary_expression"):
        sign = operator_of(node)
        if sign not in ("==", "!="):
            continue
        left, right = operands(node)
        if not any(_is_boxed(change, side) for side in (left, right)) or "null_literal" in (left.type, right.type):
            continue
        negation = "! " if sign == "!=" else ""
        for one, other in ((left, right), (right, left)):
            if one.type != "null_literal":
                yield edit_of(tree, node, f"{negation}{tree.text(one)} . equals ( {tree.text(other)} )")


def _is_boxed(change: Change, node: Node) -> bool:
    text = change.before.text(node)
    return node.type == "string_literal" or text.startswith("STRING_") or change.declared.get(text) in _BOXED


def inverted_null_check(change: Change) -> Iterator[Edit]:
    """A comparison with null that lets through exactly the values for which the code fails."""
    tree = change.before
    for node, value, sign in null_checks(tree):
        if _fails_where_null(tree, node, bare(tree.text(value)), sign):
            yield with_operator(tree, node, _OTHER[sign])


def _fails_where_null(tree: Tree, node: Node, name: Tokens, sign: str) -> bool:
    """Whether code runs if the value is null that uses it, and does not set it before."""
    context = node.parent
    while context is not None and context.type == "parenthesized_expression":
        context = context.parent
    if context is None or context.type not in ("if_statement", "ternary_expression", "while_statement"):
        return False
    done = context.child_by_field_name("consequence") or context.child_by_field_name("body")
    other = context.child_by_field_name("alternative")
    null_branch = done if sign == "==" else other
    if null_branch is not None:
        text = bare(tree.text(null_branch))
        return dereferences(text, name) and not assigns(text, name)
    left_out = context.type == "if_statement" and done is not None and always_leaves(done)
    return sign == "!=" and left_out and dereferences(rest_after(tree, context), name)


def wrong_conjunction(change: Change) -> Iterator[Edit]:
    """`&&` and `||` confused: the right operand fails whenever it is reached, or the condition is always the same.

    Or `|` in place of `||`, which evaluates the right operand even if the value is null.
    """
    tree = change.before
    for node in nodes(tree, "binary_expression"):
        sign = operator_of(node)
        if sign not in ("&&", "||", *_SHORT):
            continue
        left, right = (field(node, name) for name in ("left", "right"))
        if sign in _SHORT:
            if _guards_right(tree, left, right, _SHORT[sign]):
                yield with_operator(tree, node, _SHORT[sign])
        elif _reaches_null(tree, left, right, sign) or _is_constant(tree, left, right, sign):
            yield with_operator(tree, node, _OTHER[sign])


def _reaches_null(tree: Tree, left: Node, right: Node, sign: str) -> bool:
    last = terms(left, sign)[-1]
    compared = null_check(last)
    if compared is None:
        return False
    value, operator = compared
    return operator == ("==" if sign == "&&" else "!=") and dereferences(bare(tree.text(right)), bare(tree.text(value)))


def _guards_right(tree: Tree, left: Node, right: Node, sign: str) -> bool:
    """Whether a check for null decides in time, if the operator stops there."""
    compared = null_check(left)
    if compared is None:
        return False
    value, operator = compared
    name = bare(tree.text(value))
    return operator == ("!=" if sign == "&&" else "==") and dereferences(bare(tree.text(right)), name)


def _is_constant(tree: Tree, left: Node, right: Node, sign: str) -> bool:
    """`a != 1 || a != 2` is always true, `a == 1 && a == 2` never."""
    one, other = _equality(tree, terms(left, sign)[-1]), _equality(tree, inner(right))
    if one is None or other is None or one[0] != other[0] or one[1] == other[1]:
        return False
    return one[2] == other[2] == (sign == "&&")


def _equality(tree: Tree, node: Node) -> tuple[Tokens, Tokens, bool] | None:
    """A value, the constant that it is compared with, and whether equality is required."""
    positive = True
    while node.type == "unary_expression" and tree.text(node).startswith("!"):
        node, positive = inner(field(node, "operand")), not positive
    words = bare(tree.text(node))
    if node.type == "method_invocation" and "equals" in words:
        at = words.index("equals")
        value, constant = words[: at - 1], words[at + 1 :]
        return (value, constant, positive) if len(constant) == 1 and _is_literal(constant[0]) else None
    if operator_of(node) in ("==", "!="):
        left, right = (bare(tree.text(side)) for side in operands(node))
        if len(right) == 1 and _is_literal(right[0]):
            return left, right, positive == (operator_of(node) == "==")
    return None


def _is_literal(word: str) -> bool:
    return word.startswith(("STRING_", "INT_", "CHAR_", "FLOAT_", '"', "'")) or word[:1].isdigit() or word == "null"


def late_check(change: Change) -> Iterator[Edit]:
    """A check after the use that it should protect, as in `a . isEmpty ( ) || a == null`."""
    tree = change.before
    for node in nodes(tree, "binary_expression"):
        sign = operator_of(node)
        if sign not in ("&&", "||"):
            continue
        left, right = (field(node, name) for name in ("left", "right"))
        compared = null_check(right)
        if compared is None:
            continue
        value, operator = compared
        name = bare(tree.text(value))
        if operator == ("!=" if sign == "&&" else "==") and dereferences(bare(tree.text(left)), name):
            yield edit_of(tree, node, f"{tree.text(right)} {sign} {tree.text(left)}")


def null_safe_equals(change: Change) -> Iterator[Edit]:
    """`a . equals ( "constant" )`, which fails if `a` is null: the constant's `equals` does not."""
    tree = change.before
    for node in nodes(tree, "method_invocation"):
        value = node.child_by_field_name("object")
        given = field(node, "arguments").named_children
        if tree.text(field(node, "name")) in ("equals", "equalsIgnoreCase") and value is not None and len(given) == 1:
            constant = tree.text(given[0])
            if constant.startswith(("STRING_", '"')) and not tree.text(value).startswith(("STRING_", '"', "this")):
                name = tree.text(field(node, "name"))
                yield edit_of(tree, node, f"{constant} . {name} ( {tree.text(value)} )")


def sign_of_comparison(change: Change) -> Iterator[Edit]:
    """`compareTo` returns any negative or positive number; an index of 0 is a place where something was found."""
    tree = change.before
    for node in nodes(tree, "binary_expression"):
        left, right = operands(node)
        method = left.child_by_field_name("name") if left.type == "method_invocation" else None
        if method is None:
            continue
        name, sign, text = tree.text(method), operator_of(node), " ".join(bare(tree.text(right)))
        if name in ("compareTo", "compare", "compareToIgnoreCase"):
            if (sign, text) in (("==", "1"), (">=", "1")):
                yield edit_of(tree, node, f"{tree.text(field(node, 'left'))} > 0")
            if (sign, text) in (("==", "- 1"), ("<=", "- 1")):
                yield edit_of(tree, node, f"{tree.text(field(node, 'left'))} < 0")
        if name in ("indexOf", "lastIndexOf") and (sign, text) == (">", "0"):
            for fixed in (">= 0", "!= - 1", "> - 1"):
                yield edit_of(tree, node, f"{tree.text(field(node, 'left'))} {fixed}")


def whole_division(change: Change) -> Iterator[Edit]:
    """A quotient of whole numbers that is used as a fraction."""
    tree = change.before
    for node in nodes(tree, "binary_expression"):
        if operator_of(node) != "/":
            continue
        left, right = field(node, "left"), field(node, "right")
        if not (_is_whole(change, inner(left)) and _is_whole(change, inner(right)) and _gives_fraction(tree, node)):
            continue
        for kind in ("double", "float"):
            for side in (left, right):
                yield edit_of(tree, side, f"( ( {kind} ) ( {tree.text(side)} ) )")


def _is_whole(change: Change, node: Node) -> bool:
    text = change.before.text(node)
    words = bare(text)
    return (
        change.declared.get(text) in _WHOLE
        or node.type == "decimal_integer_literal"
        or text.startswith("INT_")
        or (words[-1:] in (("size",), ("length",)))
    )


def _gives_fraction(tree: Tree, node: Node) -> bool:
    """Whether the value of an expression is stored or returned as a floating-point number."""
    context = node.parent
    while context is not None and context.type in ("parenthesized_expression", "binary_expression", "cast_expression"):
        context = context.parent
    if context is None:
        return False
    if context.type == "variable_declarator":
        context = context.parent
    elif context.type == "return_statement":
        while context is not None and context.type != "method_declaration":
            context = context.parent
    else:
        return False
    kind = context.child_by_field_name("type") if context is not None else None
    return kind is not None and tree.text(kind) in _FLOATING
