"""Variables of Java, C#, PHP and Go that a text uses once and can't have declared, and what Go's compiler refuses."""

import re
from collections import Counter
from typing import TYPE_CHECKING

from coma_cli.syntax.trees import sound_tree, walk
from coma_cli.words import name_set

if TYPE_CHECKING:
    from tree_sitter import Node

# Nodes whose children of type `identifier` are values: a declared variable would have its name elsewhere as well.
_VALUE_PARENTS = name_set(
    "argument argument_list binary_expression array_access element_access_expression enhanced_for_statement "
    "foreach_statement parenthesized_expression return_statement index_expression range_clause"
)
_OWNERS = {"method_invocation": "object", "field_access": "object", "member_access_expression": "expression"}
_NEVER = name_set("true false nil null iota value this base string int float64 byte rune bool error args typeof nameof")
_PHP_GIVEN = name_set(
    "$this $_GET $_POST $_SERVER $_SESSION $_COOKIE $_FILES $_ENV $_REQUEST $GLOBALS $argv $argc $http_response_header"
)
_PHP_VARIABLE = re.compile(r"\$[A-Za-z_]\w*", re.ASCII)
_PHP_DEFINES = re.compile(
    r"(?P<name>\$\w+)\s*(?:\[[^\]]*\]\s*)*(?:[-+*/.|&?]{0,2}=(?!=)|\+\+|--)"
    r"|(?:as|=>|&|catch \([\w\\ |]+|global|static)\s*(?P<other>\$\w+)",
    re.ASCII,
)
_PHP_IMPORTS = re.compile(r"\b(?:extract|list|parse_str)\s*\(|\b(?:include|require)")
_GO_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(?P<alias>[\w.]+)\s+)?"(?P<path>[^"\n]+)"\s*$', re.MULTILINE)
_GO_BLOCK = re.compile(r'^import\s*(?:\([^)]*\)|(?:[\w.]+\s+)?"[^"\n]+")', re.MULTILINE)
_GO_DECLARED = re.compile(r"(?:^|[\t ;{])((?:\w+\s*,\s*)*\w+)\s*:=", re.MULTILINE)
_LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|//[^\n]*|/\*[\s\S]*?\*/')


def undeclared(language: str, code: str) -> frozenset[str]:
    """The variables that code only ever uses; none of code that does not parse."""
    if language == "php":
        return _undeclared_php(code)
    tree = sound_tree(language, code)
    if tree is None:
        return frozenset()
    nodes = [node for node in walk(tree.root) if node.type in ("identifier", "field_identifier", "type_identifier")]
    counts = Counter(map(tree.text, nodes))
    once = {tree.text(node) for node in nodes if node.type == "identifier" and _is_value(node)}
    found = frozenset(name for name in once if counts[name] == 1 and name[0].islower()) - _NEVER
    return frozenset(name for name in found if not re.search(rf"\b{name}\s*=>", code))  # the parameter of a lambda


def _is_value(node: "Node") -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type in _OWNERS:
        return parent.child_by_field_name(_OWNERS[parent.type]) == node
    if parent.type in ("foreach_statement", "enhanced_for_statement"):
        return parent.child_by_field_name("right") == node or parent.child_by_field_name("value") == node
    return parent.type in _VALUE_PARENTS


def _undeclared_php(code: str) -> frozenset[str]:
    counts = Counter(_PHP_VARIABLE.findall(re.sub(r"'(?:\\.|[^'\\])*'|//[^\n]*|/\*[\s\S]*?\*/", " ", code)))
    if _PHP_IMPORTS.search(code):
        return frozenset()
    defined = {found["name"] or found["other"] for found in _PHP_DEFINES.finditer(code)}
    return frozenset(name for name, count in counts.items() if count == 1) - defined - _PHP_GIVEN


def unused_in_go(code: str) -> frozenset[str]:
    """The imports and the variables that a file in Go never uses, which its compiler takes for errors."""
    if not re.search(r"^package \w+", code, re.MULTILINE):
        return frozenset()
    bare = _LITERALS.sub(" ", _GO_BLOCK.sub("", code))
    imports = {
        (found["alias"] or re.sub(r"/v\d+$", "", found["path"]).rpartition("/")[2]): found["alias"] is not None
        for block in _GO_BLOCK.findall(code)
        for found in _GO_IMPORT.finditer(block.replace("import (", "").replace("import(", "").replace(")", ""))
    }
    unused = {
        name
        for name, named in imports.items()
        if (named or name.isidentifier()) and name not in ("_", ".")
        if not re.search(rf"\b{re.escape(name)}\s*\.", bare)
    }
    words = Counter(re.findall(r"\w+", bare))
    declared = {name for found in _GO_DECLARED.findall(bare) for name in re.split(r"\s*,\s*", found)}
    return frozenset(unused | {name for name in declared if name != "_" and words[name] == 1})
