"""Which variable of a function is most likely null, as far as the function shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coma_cli.languages.language import kinds
from coma_cli.syntax.fixes.change import Change, Tokens, bare, field, inner, nodes, null_checks

if TYPE_CHECKING:
    from tree_sitter import Node

_PRIMITIVE = kinds("boolean byte char double float int long short")
_PACKAGES = frozenset(("java", "javax", "android", "org", "com"))
_USED_CHILDREN = ("object", "array", "value")
RESULT, PARAMETER, OTHER = range(3)
# Methods of Java's library that never return null; Bugs2Fix keeps common names.
_NEVER_NULL = kinds(
    "append concat entrySet format getBytes getClass getText iterator keySet replace replaceAll split substring "
    "toCharArray toLowerCase toString toUpperCase trim valueOf values"
)


def is_likely_null(change: Change, guard: tuple[str, Tokens]) -> bool:
    """Whether a reader would guard this value: none that is dereferenced is as likely to be null.

    Most likely is a value that the function already checks elsewhere, then a variable set to the result of a call, then
    a parameter, then anything else. Guards against something else than null depend on no such choice.
    """
    kind, name = guard
    if kind != "null":
        return True
    name = _plain(change, name)
    if name in {_text(change, value) for _, value, _ in null_checks(change.before)}:
        return True
    ranks = {other: rank for other, rank in ranked(change).items() if not _comes_from(change, other, name)}
    return name in ranks and [other for other, rank in ranks.items() if rank <= ranks[name]] == [name]


def _comes_from(change: Change, value: Tokens, name: Tokens) -> bool:
    """Whether a value is what a member of a variable gives, so that it is only reached if the variable is not null."""
    sources = (bare(change.before.text(made)) for other, made in _set_values(change) if _text(change, other) == value)
    return any(source[: len(name) + 1] == (*name, ".") for source in (value, *sources))


def _text(change: Change, node: Node) -> Tokens:
    return _plain(change, bare(change.before.text(node)))


def ranked(change: Change) -> dict[Tokens, int]:
    """The dereferenced values that may be null, with the likelihood of that (lower is likelier)."""
    tree = change.before
    safe = set(_safe(change)) | {_text(change, value) for _, value, _ in null_checks(tree)}
    results = {bare(tree.text(name)) for name, value in _set_values(change) if value.type == "method_invocation"}
    parameters = {bare(tree.text(field(node, "name"))) for node in nodes(tree, "formal_parameter")}
    found: dict[Tokens, int] = {}
    for node in _dereferenced(change):
        name = _text(change, node)
        if node.type == "method_invocation":
            found[name] = OTHER
        elif name not in safe:
            found[name] = RESULT if name in results else PARAMETER if name in parameters else OTHER
    return found


def _dereferenced(change: Change) -> Iterator[Node]:
    """The variables and calls of which a member or an element is used, or which are looped over."""
    tree = change.before
    for node in nodes(tree, "method_invocation", "field_access", "array_access", "enhanced_for_statement"):
        used = next((child for name in _USED_CHILDREN if (child := node.child_by_field_name(name)) is not None), None)
        used = _uncast(used) if used is not None else None
        if used is None:
            continue
        text = tree.text(used)
        is_variable = used.type == "identifier" or (used.type == "field_access" and text.startswith("this . "))
        is_class = _is_class_name(text.split()[-1]) and text not in change.declared
        if used.type == "method_invocation":
            if tree.text(field(used, "name")) not in _NEVER_NULL:
                yield used
        elif is_variable and not is_class and text not in _PACKAGES:
            yield used


def _is_class_name(name: str) -> bool:
    """Whether a token names a class: an abstracted type, or a name with a package or a capital."""
    return name.startswith("TYPE_") or "." in name or (name[:1].isupper() and not name.startswith("VAR_"))


def _uncast(node: Node) -> Node:
    node = inner(node)
    return _uncast(field(node, "value")) if node.type == "cast_expression" else node


def _safe(change: Change) -> Iterator[Tokens]:
    """Primitive values, new objects, elements of loops and caught exceptions."""
    tree = change.before
    yield from ((name,) for name, kind in change.declared.items() if kind in _PRIMITIVE)
    for node in nodes(tree, "enhanced_for_statement", "catch_formal_parameter"):
        yield bare(tree.text(field(node, "name")))
    for name, value in _set_values(change):
        made = value.type in ("object_creation_expression", "array_creation_expression", "string_literal")
        called = value.child_by_field_name("name") if value.type == "method_invocation" else None
        if made or (called is not None and tree.text(called) in _NEVER_NULL):
            yield _text(change, name)


def _set_values(change: Change) -> Iterator[tuple[Node, Node]]:
    """The variables that are set, each with its value."""
    for node in nodes(change.before, "variable_declarator", "assignment_expression"):
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if value is not None:
            yield node.child_by_field_name("name") or field(node, "left"), _uncast(value)


def _plain(change: Change, name: Tokens) -> Tokens:
    """A field without `this`, unless a local variable has its name."""
    return name[2:] if name[:2] == ("this", ".") and len(name) == 3 and name[2] not in change.declared else name
