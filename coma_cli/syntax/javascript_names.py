"""The names that a program in JavaScript uses and that nothing defines."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from coma_cli.syntax.trees import sound_tree, walk
from coma_cli.words import name_set

if TYPE_CHECKING:
    from tree_sitter import Node

# What ECMAScript 2024 (ECMA-262, clause 19), browsers (MDN, Web APIs: window and its constructors) and Node.js (its
# globals) define, and the names under which jQuery, lodash, Vue, React and test runners are loaded by a page.
_TABLE = Path(__file__).with_name("javascript_globals.txt")
_NAMES = name_set("identifier shorthand_property_identifier")
_PATTERN_NAMES = name_set("identifier shorthand_property_identifier_pattern")
# Below which nodes, and in which of their fields (all for None), names are defined.
_DEFINING = {
    "variable_declarator": "name",
    "function_declaration": "name",
    "function_expression": "name",
    "generator_function_declaration": "name",
    "class_declaration": "name",
    "class": "name",
    "arrow_function": "parameter",
    "catch_clause": "parameter",
    "for_in_statement": "left",
    "assignment_expression": "left",
    "formal_parameters": None,
    "import_clause": None,
    "labeled_statement": "label",
}


@cache
def _globals() -> frozenset[str]:
    return frozenset(_TABLE.read_text(encoding="ascii").split())


def undefined_in_javascript(code: str) -> frozenset[str]:
    """The names that code uses and defines nowhere, in whatever scope; none of code that does not parse."""
    tree = sound_tree("javascript", code)
    if tree is None:
        return frozenset()
    nodes = list(walk(tree.root))
    defined = {tree.text(name) for node in nodes if node.type in _DEFINING for name in _defined_by(node)}
    used = {tree.text(node) for node in nodes if node.type in _NAMES and not _is_element(node)}
    return frozenset(used - defined - _globals())


def _is_element(node: "Node") -> bool:
    """Whether a name is that of an element of HTML in JSX."""
    return node.parent is not None and node.parent.type.startswith("jsx_") and (node.text or b"")[:1].islower()


def _defined_by(node: "Node") -> Iterator["Node"]:
    field = _DEFINING[node.type]
    places = [node] if field is None else node.children_by_field_name(field)
    for place in places:
        if place.type != "member_expression" and place.type != "subscript_expression":
            yield from (name for name in walk(place) if name.type in _PATTERN_NAMES)
