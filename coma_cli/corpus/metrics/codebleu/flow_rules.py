"""Where values come from and go to in the languages whose data flow is published, as node types of their grammars.

Source: microsoft/CodeXGLUE, code-to-code-trans/evaluator/CodeBLEU/parser/DFG.py. The published tables are kept as they
are, also where they lack a statement (Go's `:=`, JavaScript's plain `=`, Ruby's `while`), so that figures can be
compared; only nodes that the grammars renamed since are listed under both names: `else_clause` of JavaScript,
`foreach_statement` of C#.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coma_cli.languages.language import kinds

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EachLoop:
    """A loop over the elements of a value; without field names, its first two named children are value and name."""

    kinds: frozenset[str]
    name: str = ""
    value: str = ""


@dataclass(frozen=True)
class FlowRules:
    """The statements of one language through which values flow.

    `definitions` name a new variable, with its value in the field `value_field` (the last child if that is "").
    `assignments` give values to targets; in those that are `paired`, lists of equally many of both are taken one by
    one. `branches` are an if and what begins its other branches, `else_like` the types of children that run instead of
    the first one, as do all that follow them if `else_is_last`; `may_skip_all` says that the state before an if always
    flows past it. After an `initializers` child, the rest of one of the `counted_loops` runs twice. `first` are
    children that run before the others.
    """

    assignments: frozenset[str]
    definitions: frozenset[str]
    branches: frozenset[str]
    else_like: frozenset[str]
    each: EachLoop
    while_loops: frozenset[str]
    value_field: str = "value"
    increments: frozenset[str] = NONE
    counted_loops: frozenset[str] = NONE
    initializers: frozenset[str] = NONE
    first: frozenset[str] = NONE
    paired: frozenset[str] = NONE
    else_is_last: bool = True
    may_skip_all: bool = False


FLOW_RULES: Mapping[str, FlowRules] = {
    "python": FlowRules(
        assignments=kinds("assignment augmented_assignment for_in_clause"),
        definitions=kinds("default_parameter"),
        branches=kinds("if_statement"),
        else_like=kinds("elif_clause else_clause"),
        each=EachLoop(kinds("for_statement"), "left", "right"),
        while_loops=kinds("while_statement"),
        first=kinds("for_in_clause"),
        paired=kinds("assignment augmented_assignment for_statement"),
        else_is_last=False,
    ),
    "java": FlowRules(
        assignments=kinds("assignment_expression"),
        definitions=kinds("variable_declarator"),
        increments=kinds("update_expression"),
        branches=kinds("if_statement"),
        else_like=kinds("if_statement else"),
        counted_loops=kinds("for_statement"),
        initializers=kinds("local_variable_declaration"),
        each=EachLoop(kinds("enhanced_for_statement"), "name", "value"),
        while_loops=kinds("while_statement"),
    ),
    "csharp": FlowRules(
        assignments=kinds("assignment_expression"),
        definitions=kinds("variable_declarator"),
        value_field="",
        increments=kinds("postfix_unary_expression"),
        branches=kinds("if_statement"),
        else_like=kinds("if_statement else"),
        counted_loops=kinds("for_statement"),
        each=EachLoop(kinds("for_each_statement foreach_statement"), "left", "right"),
        while_loops=kinds("while_statement"),
    ),
    "ruby": FlowRules(
        assignments=kinds("assignment operator_assignment"),
        definitions=kinds("keyword_parameter"),
        branches=kinds("if elsif else unless when"),
        else_like=kinds("if elsif else unless when"),
        each=EachLoop(kinds("for"), "pattern", "value"),
        while_loops=kinds("while_modifier until"),
        paired=kinds("assignment"),
        else_is_last=False,
    ),
    "go": FlowRules(
        assignments=kinds("assignment_statement"),
        definitions=kinds("var_spec"),
        increments=kinds("inc_statement"),
        branches=kinds("if_statement"),
        else_like=kinds("if_statement else"),
        counted_loops=kinds("for_statement"),
        initializers=kinds("for_clause"),
        each=EachLoop(NONE),
        while_loops=NONE,
        may_skip_all=True,
    ),
    "php": FlowRules(
        assignments=kinds("assignment_expression augmented_assignment_expression"),
        definitions=kinds("simple_parameter"),
        value_field="default_value",
        increments=kinds("update_expression"),
        branches=kinds("if_statement else_clause"),
        else_like=kinds("if_statement else_clause"),
        counted_loops=kinds("for_statement"),
        initializers=kinds("assignment_expression"),
        each=EachLoop(kinds("foreach_statement")),
        while_loops=kinds("while_statement"),
        may_skip_all=True,
    ),
    "javascript": FlowRules(
        assignments=kinds("assignment_pattern augmented_assignment_expression"),
        definitions=kinds("variable_declarator"),
        increments=kinds("update_expression"),
        branches=kinds("if_statement"),
        else_like=kinds("if_statement else else_clause"),
        counted_loops=kinds("for_statement"),
        initializers=kinds("variable_declaration"),
        each=EachLoop(NONE),
        while_loops=kinds("while_statement"),
        may_skip_all=True,
    ),
}
