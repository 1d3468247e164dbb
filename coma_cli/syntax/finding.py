"""Finds the functions in a tree, their names, and the comments and attributes above them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from coma_cli.languages.language import Grammar
from coma_cli.syntax.grammars import GRAMMARS
from coma_cli.syntax.leaves import COMMENTS, STRINGS
from coma_cli.syntax.trees import Tree, grammar_of

if TYPE_CHECKING:
    from tree_sitter import Node, Query

_DECLARED = {"variable_declarator": "name", "assignment_expression": "left", "pair": "key"}
_FIELDS = {"field_definition": "property", "public_field_definition": "name"}
_DECLARATIONS = ("lexical_declaration", "variable_declaration")
_C_DECLARATORS = ("pointer_declarator", "reference_declarator", "function_declarator", "parenthesized_declarator")

# All of these; each is a type of node in some grammar.
NODE_TYPES = frozenset((*_DECLARED, *_FIELDS, *_DECLARATIONS, *_C_DECLARATORS))


@dataclass(frozen=True)
class Found:
    """A function's node, the node of the whole definition, and its name without its classes."""

    node: Node
    whole: Node
    name: str


def found_functions(tree: Tree) -> list[Found]:
    """The functions of a tree in order, without nested and anonymous ones."""
    grammar = GRAMMARS[tree.language]
    nodes = captured(tree, tree.root, grammar.functions | grammar.values)
    found: list[Found] = []
    end = -1
    for node in nodes:
        if node.start_byte >= end:
            function = _named(tree, grammar, node)
            if function is not None:
                found.append(function)
                end = function.whole.end_byte
    return found


def only_function(tree: Tree) -> Found | None:
    """The function that a text consists of, which may be anonymous."""
    found = found_functions(tree)
    if found:
        return found[0]
    values = captured(tree, tree.root, GRAMMARS[tree.language].values)
    return _labelled(tree, values[0]) if values else None


def _labelled(tree: Tree, node: Node) -> Found:
    """An anonymous function, or a property of an object, which on its own parses as a label."""
    whole, name = node, ""
    while whole.parent is not None and whole.parent.type in ("expression_statement", "labeled_statement"):
        whole = whole.parent
        label = whole.child_by_field_name("label")
        name = tree.text(label) if label is not None else name
    return Found(node, whole, name)


def captured(tree: Tree, node: Node, wanted: frozenset[str], within: frozenset[str] = frozenset()) -> list[Node]:
    """The nodes of the wanted types at or below a node, in text order; only children of `within` types, if given."""
    from tree_sitter import QueryCursor

    query = _query(tree.grammar, wanted, within)
    nodes = QueryCursor(query).captures(node).get("node", []) if query is not None else []
    return sorted(nodes, key=lambda n: (n.start_byte, -n.end_byte))


@cache
def _query(grammar: str, wanted: frozenset[str], within: frozenset[str]) -> Query | None:
    from tree_sitter import Query

    language = grammar_of(grammar)
    known = " ".join(f"({kind})" for kind in sorted(wanted) if language.id_for_node_kind(kind, True))
    if not known:
        return None
    return Query(language, " ".join(f"({kind} [{known}] @node)" for kind in sorted(within)) or f"[{known}] @node")


def _named(tree: Tree, grammar: Grammar, node: Node) -> Found | None:
    """A function with a body and a name, or None."""
    if node.child_by_field_name("body") is None:
        return None
    if node.type in grammar.values:
        return _assigned(tree, grammar, node)
    name = _own_name(tree, node)
    return Found(node, _whole(tree, grammar, node), name) if name else None


def _own_name(tree: Tree, node: Node) -> str:
    name = node.child_by_field_name("name") or node.child_by_field_name("operator") or _declared_name(node)
    if name is None:
        return "operator" if "operator" in node.type else ""
    receiver = node.child_by_field_name("receiver")
    owner = _receiver_type(tree, receiver) if receiver is not None else ""
    return f"{owner}.{tree.text(name)}" if owner else tree.text(name)


def _declared_name(node: Node) -> Node | None:
    declarator = node.child_by_field_name("declarator")
    while declarator is not None and declarator.type in _C_DECLARATORS:
        inner = declarator.child_by_field_name("declarator")
        declarator = inner or next((child for child in declarator.named_children if "declarator" in child.type), None)
    return declarator


def _receiver_type(tree: Tree, receiver: Node) -> str:
    """The type of a Go receiver, without its star and type parameters."""
    names = captured(tree, receiver, frozenset({"type_identifier"}))
    return tree.text(names[0]) if names else ""


def _assigned(tree: Tree, grammar: Grammar, node: Node) -> Found | None:
    """A function named after the variable, property or key that it is assigned to."""
    parent = node.parent
    if parent is None:
        return None
    kind = parent.type
    name = parent.child_by_field_name(_DECLARED.get(kind) or _FIELDS.get(kind, "name"))
    if name is None or (kind not in _DECLARED and kind not in _FIELDS):
        return None
    whole: Node | None = parent
    if kind == "variable_declarator":
        declaration = parent.parent
        whole = declaration if declaration is not None and declaration.type in _DECLARATIONS else None
        whole = whole if whole is not None and whole.named_child_count == 1 else None
    elif kind == "assignment_expression":
        statement = parent.parent
        whole = statement if statement is not None and statement.type == "expression_statement" else None
    return Found(node, _whole(tree, grammar, whole), tree.text(name)) if whole is not None else None


def _whole(tree: Tree, grammar: Grammar, node: Node) -> Node:
    parent = node.parent
    while parent is not None and (parent.type in grammar.shells or _is_modifier(tree, grammar, parent)):
        node, parent = parent, parent.parent
    return node


def _is_modifier(tree: Tree, grammar: Grammar, node: Node) -> bool:
    """Whether a node is the arguments of a call such as Ruby's `private`, or that call."""
    call = node.parent if node.type == "argument_list" else node
    if not grammar.modifiers or call is None or call.type != "call":
        return False
    method = call.child_by_field_name("method")
    return method is not None and tree.text(method) in grammar.modifiers


def scopes(tree: Tree) -> list[tuple[int, int, str]]:
    """Start, end and name of the classes, modules and namespaces of a tree."""
    found = []
    for node in captured(tree, tree.root, GRAMMARS[tree.language].scopes):
        name = node.child_by_field_name("type" if node.type == "impl_item" else "name")
        if name is not None and node.start_byte >= tree.before:  # a frame is not a scope
            found.append((node.start_byte, node.end_byte, tree.text(name).partition("<")[0]))
    return found


def qualified(name: str, place: int, context: list[tuple[int, int, str]]) -> str:
    """A name qualified with the scopes that enclose a position."""
    return ".".join([*(scope for start, end, scope in context if start <= place < end), name])


def lines_above(tree: Tree) -> dict[int, Node]:
    """Comments and attributes that begin a line, by the row in which they end."""
    wanted = COMMENTS | GRAMMARS[tree.language].attributes
    return {last_row(node): node for node in captured(tree, tree.root, wanted) if begins_its_line(tree, node)}


def last_row(node: Node) -> int:
    """The last row of a node; some comments include their line end."""
    row, column = node.end_point
    return row - 1 if column == 0 and row > node.start_point[0] else row


def begins_its_line(tree: Tree, node: Node) -> bool:
    """Whether only whitespace, or a frame, precedes a node on its line."""
    line = tree.source.rfind(b"\n", 0, node.start_byte) + 1
    return not tree.source[max(line, tree.before) : node.start_byte].strip()


def rows_in_strings(tree: Tree) -> Iterator[int]:
    """The rows that begin inside a string, whose indentation is part of the string."""
    for node in captured(tree, tree.root, STRINGS):
        yield from range(node.start_point[0] + 1, node.end_point[0] + 1)
