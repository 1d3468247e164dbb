"""Finds small edits that change what a function does, from its tree.

Edits that might change nothing are excluded: equal operands, neutral numbers, arguments of commutative functions, a
boundary at which both branches agree. Output, assertions, types, strings, comments and preprocessor lines are never
edited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from coma_cli.languages import LANGUAGES
from coma_cli.languages.language import kinds
from coma_cli.syntax.finding import begins_its_line, captured
from coma_cli.syntax.leaves import COMMENTS, STRINGS
from coma_cli.syntax.trees import Tree

if TYPE_CHECKING:
    from tree_sitter import Node

MutationKind = Literal["changed-operator", "off-by-one", "swapped-arguments", "dropped-check"]

_BINARY = kinds("binary_expression binary_operator boolean_operator comparison_operator binary")
_AUGMENTED = kinds(
    "augmented_assignment augmented_assignment_expression compound_assignment_expr operator_assignment "
    "assignment_expression assignment_statement"
)
_CALLS = kinds(
    "call call_expression method_invocation object_creation_expression function_call_expression "
    "member_call_expression scoped_call_expression invocation_expression new_expression"
)
_GUARDS = kinds("if_statement if_expression if if_modifier unless_modifier")
_CONDITIONS = _GUARDS | kinds("while_statement while_expression while do_statement unless")
_SUBSCRIPTS = kinds(
    "subscript subscript_expression array_access index_expression element_access_expression element_reference"
)
_OFF_LIMITS = (
    STRINGS
    | COMMENTS
    | kinds(
        "type type_annotation type_arguments template_argument_list type_descriptor decorator attribute_list "
        "attribute_item annotation marker_annotation assert_statement static_assert_declaration sizeof_expression "
        "preproc_def preproc_function_def where_clause"
    )
)
_NUMBERS = kinds(
    "integer float number decimal_integer_literal decimal_floating_point_literal integer_literal float_literal "
    "real_literal number_literal int_literal"
)
_NAMES = kinds(
    "identifier attribute member_expression field_access field_expression selector_expression member_access_expression "
    "subscript subscript_expression array_access index_expression variable_name instance_variable constant self this"
)
# All of these; each is a type of node in some grammar.
NODE_TYPES = _BINARY | _AUGMENTED | _CALLS | _CONDITIONS | _SUBSCRIPTS | _OFF_LIMITS | _NUMBERS | _NAMES

_OPPOSITE: Mapping[str, str] = {
    "==": "!=",
    "!=": "==",
    "===": "!==",
    "!==": "===",
    "<": ">",
    ">": "<",
    "<=": ">=",
    ">=": "<=",
    "&&": "||",
    "||": "&&",
    "and": "or",
    "or": "and",
    "is": "is not",
    "is not": "is",
    "in": "not in",
    "not in": "in",
    "+": "-",
    "-": "+",
    "*": "+",
    "&": "|",
    "|": "&",
    "+=": "-=",
    "-=": "+=",
}
_BOUNDARY: Mapping[str, str] = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_JOINED = ("&&", "||", "and", "or")
_ARITHMETIC = ("+", "-", "*", "+=", "-=")
_NEUTRAL: Mapping[str, re.Pattern[str]] = {
    "+": re.compile(r"-?0+(?:\.0*)?\w?"),
    "*": re.compile(r"-?[012](?:\.0*)?\w?"),
}
_WHOLE_NUMBER = re.compile(r"\d{1,9}")
# Values for which it hardly matters on which side of a boundary they are: times, random numbers, floats.
_FLEETING = re.compile(
    r"time|clock|now\b|elapsed|random|rand\b|tolerance|epsilon|\beps\b|\d\.\d|[eE]-\d", re.IGNORECASE
)
_SAYS_ONLY = re.compile(
    r"(?:^|[.:>\s])(?:log\w*|console|print\w*|f?printf|echo|puts|debug|info|warn\w*|trace|error|assert\w*|expect\w*"
    r"|fmt|writeline|perror|report\w*|message)\b",
    re.IGNORECASE,
)
_ORDER_IS_NOTHING = re.compile(
    r"(?:max|min|gcd|lcm|hypot|equals?|eq|ne|same|identical|distance|dist|isclose|close|near|similar|union|intersect"
    r"|overlap|common|disjoint|swap|add|plus|sum|mul|multiply|product|times|dot|xor|and|or|cmp|compare|comparator|link"
    r"|assert|expect|conflict|collide|touch|adjacent|both|either|any|all|set|zip|range_equal|match|matches)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_FAILS = re.compile(
    r"\{?\s*(?:(?:[\w.]+\s*=[^=;]*|[\w.]+\([^;]*\))\s*;\s*)?"
    r"(?:throw\b|raise\b|panic\w*!?\(|goto\s+\w+|return\s+(?:-\s*\w+|.*\b(?:err|error|Err)\b.*|(?:-\s*)?E[A-Z]{2,}\b.*))"
    r"[^;{}]*;?\s*\}?",
    re.DOTALL,
)
_MAX_FAILURE_CHARS = 300
_BLOCK = re.compile(r"block|body|compound_statement|statement_list|^expression_statement$|^(?:then|else|do)$")
_ASSIGNS = re.compile(r"(?<![=!<>:])=(?![=>])|:=|\+\+|--")


@dataclass(frozen=True)
class Mutation:
    """One edit: `code[start:end]` becomes `replacement`; `line` (from 1) is the line of `start`."""

    kind: MutationKind
    start: int
    end: int
    replacement: str
    line: int

    def apply(self, code: str) -> str:
        """The code with the edit applied."""
        return code[: self.start] + self.replacement + code[self.end :]


class Sites:
    """The possible edits in the body of one function."""

    def __init__(self, tree: Tree, body: Node) -> None:
        self._tree = tree
        self._body = body
        calls = captured(tree, body, _CALLS)
        silent = [call for call in calls if _SAYS_ONLY.search(self._callee(call))]
        self._closed = [(node.start_byte, node.end_byte) for node in (*captured(tree, body, _OFF_LIMITS), *silent)]
        self._finders: Mapping[frozenset[str], Callable[[Node], Iterator[Mutation]]] = {
            _BINARY: self._operators,
            _AUGMENTED: self._assignments,
            _CALLS: self._arguments,
            _CONDITIONS: self._checks,
            _SUBSCRIPTS: self._subscripts,
        }

    def __iter__(self) -> Iterator[Mutation]:
        for wanted, find in self._finders.items():
            for node in captured(self._tree, self._body, wanted):
                if self._is_open(node):
                    yield from find(node)

    def _is_open(self, node: Node) -> bool:
        source, start = self._tree.source, node.start_byte
        line = source[source.rfind(b"\n", 0, start) + 1 : start].lstrip()
        preprocessed = line.startswith(b"#") and LANGUAGES[self._tree.language].has_preprocessor
        return not preprocessed and not any(first <= start < last for first, last in self._closed)

    def _edit(self, kind: MutationKind, first: Node, last: Node, replacement: str) -> Mutation:
        start, end = self._tree.place(first.start_byte), self._tree.place(last.end_byte)
        return Mutation(kind, start, end, replacement, self._tree.code.count("\n", 0, start) + 1)

    def _callee(self, call: Node) -> str:
        arguments = call.child_by_field_name("arguments")
        end = arguments.start_byte if arguments is not None else call.end_byte
        return self._tree.source[call.start_byte : end].decode("utf-8", "replace")

    def _operators(self, node: Node) -> Iterator[Mutation]:
        """A different operator, a boundary moved by one, a missing `+ 1`."""
        parts = _operands(node)
        if parts is None:
            return
        left, operator, right = parts
        sign, one, other = operator.type, self._tree.text(left), self._tree.text(right)
        if one == other:
            return
        if sign in _OPPOSITE and self._matters(sign, left, right):
            yield self._edit("changed-operator", operator, operator, _OPPOSITE[sign])
        if sign in _BOUNDARY and not self._agree_at_boundary(node, one, other):
            yield self._edit("off-by-one", operator, operator, _BOUNDARY[sign])
        if sign in ("+", "-") and other == "1" and left.type not in STRINGS:
            yield self._edit("off-by-one", node, node, one)

    def _matters(self, sign: str, left: Node, right: Node) -> bool:
        """Whether a different operator changes the result: the operands are numbers, and none of them is neutral."""
        if sign not in _ARITHMETIC:
            return True
        neutral = _NEUTRAL["*" if sign == "*" else "+"]
        texts = (self._tree.text(left), self._tree.text(right))
        if any(neutral.fullmatch(text) for text in texts):
            return False
        numeric = left.type in _NUMBERS or right.type in _NUMBERS
        stringy = any(captured(self._tree, side, STRINGS) for side in (left, right))
        return not stringy and (numeric or sign in ("-", "-="))

    def _agree_at_boundary(self, node: Node, one: str, other: str) -> bool:
        """Whether it may not matter which side of a boundary a value is on, as in `if (a > b) b = a`."""
        if _FLEETING.search(f"{one} {other}"):
            return True
        context = node.parent
        while context is not None and context.type not in _CONDITIONS and "conditional" not in context.type:
            context = None if context.id == self._body.id or context.type.endswith("statement") else context.parent
        if context is None:  # the value of the comparison itself is stored or returned
            return False
        rest = self._tree.text(context).replace(self._tree.text(node), " ", 1)
        both = all(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", rest) for text in (one, other))
        negated = any(re.search(rf"-\s*{re.escape(text)}(?!\w)", rest) for text in (one, other))
        return both or negated

    def _assignments(self, node: Node) -> Iterator[Mutation]:
        parts = _operands(node)
        if parts is not None and parts[1].type in ("+=", "-=") and self._matters(parts[1].type, parts[0], parts[2]):
            yield self._edit("changed-operator", parts[1], parts[1], _OPPOSITE[parts[1].type])

    def _subscripts(self, node: Node) -> Iterator[Mutation]:
        """The next element instead of one with a constant index."""
        number = node.named_children[-1] if node.named_children else None
        while number is not None and number.type not in _NUMBERS and number.named_child_count == 1:
            number = number.named_children[0]
        if number is not None and number.type in _NUMBERS and number.start_byte > node.start_byte:
            text = self._tree.text(number)
            if _WHOLE_NUMBER.fullmatch(text) and (text == "0" or text[0] != "0"):
                yield self._edit("off-by-one", number, number, str(int(text) + 1))

    def _arguments(self, node: Node) -> Iterator[Mutation]:
        """Two adjacent arguments of the same kind, swapped."""
        name = re.split(r"\W+", self._callee(node).strip().rstrip("<>"))
        if any(_ORDER_IS_NOTHING.fullmatch(word) for word in _WORDS.findall(name[-1] if name else "")):
            return
        arguments = node.child_by_field_name("arguments")
        given = [child for child in arguments.named_children if child.type not in COMMENTS] if arguments else []
        for first, second in pairwise(given):
            one, other = self._tree.text(first), self._tree.text(second)
            between = self._tree.source[first.end_byte : second.start_byte].decode("utf-8", "surrogatepass")
            if one != other and _make(first) == _make(second) != "" and between.strip() == ",":
                yield self._edit("swapped-arguments", first, second, f"{other}{between}{one}")

    def _checks(self, node: Node) -> Iterator[Mutation]:
        """A condition without one of its operands, or a function without a check that exits early."""
        condition = node.child_by_field_name("condition")
        while condition is not None and condition.type.startswith("parenthesized") and condition.named_child_count == 1:
            condition = condition.named_children[0]
        parts = _operands(condition) if condition is not None and condition.type in _BINARY else None
        if condition is not None and parts is not None and parts[1].type in _JOINED:
            for half in (parts[0], parts[2]):
                if self._is_open(condition):
                    yield self._edit("dropped-check", condition, condition, self._tree.text(half))
        if node.type in _GUARDS and condition is not None and self._only_fails(node, condition):
            yield from self._without(node)

    def _only_fails(self, node: Node, condition: Node) -> bool:
        """Whether a condition only guards an error that the rest of the function would not raise by itself."""
        done = node.child_by_field_name("consequence") or node.child_by_field_name("body")
        if done is None or node.child_by_field_name("alternative") or node.child_by_field_name("initializer"):
            return False
        if node.parent is None or not _BLOCK.search(node.parent.type):  # it is the whole body of another statement
            return False
        text = self._tree.text(done).removeprefix("then").strip()
        return (
            len(text) <= _MAX_FAILURE_CHARS
            and _FAILS.fullmatch(text) is not None
            and not _ASSIGNS.search(self._tree.text(condition))
        )

    def _without(self, node: Node) -> Iterator[Mutation]:
        """Removal of a statement that occupies whole lines."""
        code = self._tree.code
        start, end = self._tree.span(node)
        start = code.rfind("\n", 0, start) + 1
        line_end = code.find("\n", end)
        if not begins_its_line(self._tree, node) or line_end < 0 or code[end:line_end].strip():
            return
        if LANGUAGES[self._tree.language].rejects_unused and self._leaves_unused(node):
            return
        yield Mutation("dropped-check", start, line_end + 1, "", code.count("\n", 0, start) + 1)

    def _leaves_unused(self, node: Node) -> bool:
        """Whether a name in the condition would be declared but unused, which Go does not compile."""
        start, end = self._tree.span(node)
        rest = self._tree.code[:start] + self._tree.code[end:]
        condition = node.child_by_field_name("condition")
        names = captured(self._tree, condition, frozenset({"identifier"})) if condition is not None else []
        return any(len(re.findall(rf"\b{re.escape(self._tree.text(name))}\b", rest)) < 2 for name in names)


def _operands(node: Node) -> tuple[Node, Node, Node] | None:
    """The left operand, operator and right operand; None for chained comparisons."""
    if node.child_count != 3:
        return None
    left, operator, right = node.children
    return (left, operator, right) if left.is_named and right.is_named and not operator.is_named else None


def _make(argument: Node) -> str:
    """The kind of an argument: people confuse numbers with numbers and names with names."""
    if argument.type == "argument" and argument.named_child_count == 1 and argument.child_count == 1:
        argument = argument.named_children[0]
    if argument.type in _NUMBERS:
        return "number"
    return "name" if argument.type in _NAMES else ""
