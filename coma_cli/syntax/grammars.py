"""The node types of functions and their context, as one table with an entry per language.

Names of node types are those of the grammars in tree-sitter-language-pack 0.13; a test checks each of them against its
grammar, so that a renamed type is noticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coma_cli.syntax.trees import kinds


@dataclass(frozen=True)
class Grammar:
    """Node types of a language.

    `functions` have their own name; `values` are functions named after what they are assigned to. `shells` wrap a
    function and belong to it, `attributes` directly precede it; `scopes` qualify its name. `heads` end its signature
    before the body begins. `statements` may be worth completing if they are children of one of `blocks` (of any node if
    there are none).
    """

    functions: frozenset[str]
    scopes: frozenset[str]
    statements: frozenset[str]
    values: frozenset[str] = frozenset()
    shells: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()


_SCRIPT = Grammar(
    functions=kinds("function_declaration generator_function_declaration method_definition"),
    values=kinds("arrow_function function_expression generator_function"),
    shells=kinds("export_statement"),
    scopes=kinds("class_declaration class"),
    statements=kinds("expression_statement lexical_declaration variable_declaration return_statement throw_statement"),
)
_TYPED_SCRIPT = Grammar(
    functions=_SCRIPT.functions,
    values=_SCRIPT.values,
    shells=_SCRIPT.shells,
    scopes=_SCRIPT.scopes | kinds("abstract_class_declaration internal_module module"),
    attributes=kinds("decorator"),
    statements=_SCRIPT.statements,
)
_C_STATEMENTS = kinds("declaration expression_statement return_statement")

GRAMMARS: Mapping[str, Grammar] = {
    "javascript": _SCRIPT,
    "typescript": _TYPED_SCRIPT,
    "java": Grammar(
        functions=kinds("method_declaration constructor_declaration compact_constructor_declaration"),
        scopes=kinds("class_declaration interface_declaration enum_declaration record_declaration"),
        statements=kinds("local_variable_declaration expression_statement return_statement throw_statement"),
    ),
    "go": Grammar(
        functions=kinds("function_declaration method_declaration"),
        scopes=frozenset(),
        statements=kinds(
            "expression_statement short_var_declaration var_declaration assignment_statement return_statement "
            "go_statement defer_statement send_statement"
        ),
    ),
    "ruby": Grammar(
        functions=kinds("method singleton_method"),
        scopes=kinds("class module"),
        statements=kinds(
            "assignment operator_assignment call return if_modifier unless_modifier binary yield element_reference"
        ),
        blocks=kinds("body_statement then else block_body ensure do"),
    ),
    "rust": Grammar(
        functions=kinds("function_item"),
        scopes=kinds("impl_item trait_item mod_item"),
        attributes=kinds("attribute_item"),
        statements=kinds("let_declaration expression_statement"),
    ),
    "php": Grammar(
        functions=kinds("function_definition method_declaration"),
        scopes=kinds("class_declaration interface_declaration trait_declaration enum_declaration"),
        statements=kinds("expression_statement return_statement echo_statement"),
    ),
    "c": Grammar(functions=kinds("function_definition"), scopes=frozenset(), statements=_C_STATEMENTS),
    "cpp": Grammar(
        functions=kinds("function_definition"),
        shells=kinds("template_declaration"),
        scopes=kinds("class_specifier struct_specifier namespace_definition"),
        heads=kinds("field_initializer_list"),
        statements=_C_STATEMENTS | kinds("throw_statement"),
    ),
    "csharp": Grammar(
        functions=kinds(
            "method_declaration constructor_declaration local_function_statement operator_declaration "
            "conversion_operator_declaration"
        ),
        shells=kinds("global_statement"),
        scopes=kinds(
            "namespace_declaration class_declaration struct_declaration interface_declaration record_declaration"
        ),
        heads=kinds("constructor_initializer"),
        statements=kinds("local_declaration_statement expression_statement return_statement throw_statement"),
    ),
}
