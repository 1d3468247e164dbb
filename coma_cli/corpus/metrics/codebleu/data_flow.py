"""The data-flow match of CodeBLEU: which values go where, whatever the variables are called.

Source: Ren et al. 2020 (arXiv:2009.10297), section 3.3, and `dataflow_match.py` and `DFG.py` of CodeXGLUE, with these
differences: where the order of a node's sources was that of a set, it is now that of the text; a loop that runs "twice"
inside many others is given up instead of taking forever; and code that defeats the published extraction has no data
flow instead of an empty one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from coma_cli.corpus.metrics.codebleu.flow_rules import FLOW_RULES, FlowRules
from coma_cli.syntax.leaves import COMMENTS
from coma_cli.syntax.trees import Tree, parse

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_STEPS = 200_000  # visits of nodes in one text: a function takes hundreds, and each nested loop doubles them
_WHOLE = frozenset({"string_literal", "string", "character_literal"})  # nodes that are one token

Relation = Literal["comesFrom", "computedFrom"]
_States: TypeAlias = Mapping[str, tuple[int, ...]]  # where the value of each name may have been set
FlowItem: TypeAlias = tuple[str, Relation, tuple[str, ...]]  # a variable and its sources, all renamed


class _Token(NamedTuple):
    position: int
    name: str


class _Edge(NamedTuple):
    """A token and the tokens that its value comes from."""

    token: _Token
    relation: Relation
    sources: tuple[_Token, ...]


class _TooLongError(Exception):
    """The text takes too many steps."""


def data_flow(language: str, code: str) -> tuple[FlowItem, ...] | None:
    """The data flow of code, variables numbered in order of appearance.

    None for a language without a published definition, and for code that is nested too deeply.
    """
    rules = FLOW_RULES.get(language)
    tree = parse(language, code) if rules is not None else None
    if rules is None or tree is None:
        return None
    walk = _Walk(rules, tree)
    try:
        walk.visit(tree.root, {})
    except (_TooLongError, RecursionError):
        return None
    return tuple(_renamed(_merged(walk.edges)))


def flow_match(language: str, answer: str, reference: str) -> tuple[int, int]:
    """How many items of the reference's data flow the answer's has too, and how many there are: maybe none."""
    wanted = data_flow(language, reference)
    if not wanted:
        return 0, 0
    found = data_flow(language, answer) or ()
    return (Counter(wanted) & Counter(found)).total(), len(wanted)


def _merged(edges: Sequence[_Edge]) -> list[_Edge]:
    """One edge a token, in order of the text; only tokens that have sources or are one."""
    used = {edge.token.position for edge in edges if edge.sources}
    used.update(source.position for edge in edges for source in edge.sources)
    merged: dict[int, _Edge] = {}
    for edge in sorted(edges, key=lambda edge: edge.token.position):
        if edge.token.position in used:
            known = merged.get(edge.token.position, edge)
            merged[edge.token.position] = known._replace(sources=known.sources + edge.sources)
    return list(merged.values())


def _renamed(edges: Iterable[_Edge]) -> Iterator[FlowItem]:
    numbers: dict[str, str] = {}
    for edge in edges:
        sources = dict.fromkeys(source.name for source in sorted(edge.sources))
        for name in (*sources, edge.token.name):
            numbers.setdefault(name, f"var_{len(numbers)}")
        yield numbers[edge.token.name], edge.relation, tuple(numbers[name] for name in sources)


def _in_pairs(left: Node, right: Node) -> list[tuple[Node, Node]]:
    """The targets and values of an assignment one by one if both have equally many children, as published."""
    targets, values = ([child for child in side.children if child.type != ","] for side in (left, right))
    return list(zip(targets, values, strict=True)) if targets and len(targets) == len(values) else [(left, right)]


class _Walk:
    """Collects the edges of a tree; each visit takes and returns where names were last set."""

    def __init__(self, rules: FlowRules, tree: Tree) -> None:
        self._rules = rules
        self._tree = tree
        self._steps = 0
        self.edges: list[_Edge] = []

    def visit(self, node: Node | None, states: _States) -> _States:
        """The edges of a node and of all below it."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _TooLongError
        if node is None or node.type in COMMENTS:
            return states
        rules, kind = self._rules, node.type
        if not node.children or kind in _WHOLE:
            return self._token_states(node, states)
        if kind in rules.definitions:
            return self._definition(node, states)
        if kind in rules.assignments:
            return self._assignment(node, states)
        if kind in rules.increments:
            tokens = self._tokens(node)
            return self._flow(tokens, tokens, "computedFrom", states)
        if kind in rules.branches:
            return self._branches(node, states)
        if kind in rules.each.kinds:
            return self._each_loop(node, states)
        if kind in rules.counted_loops:
            return self._counted_loop(node, states)
        children = sorted(node.children, key=lambda child: child.type not in rules.first)
        times = 2 if kind in rules.while_loops else 1
        return self._visit_all(children * times, states)

    def _visit_all(self, nodes: Iterable[Node | None], states: _States) -> _States:
        for node in nodes:
            states = self.visit(node, states)
        return states

    def _token_states(self, node: Node, states: _States) -> _States:
        token = self._token(node)
        if token is None:
            return states
        known = states.get(token.name)
        self.edges.append(_Edge(token, "comesFrom", tuple(_Token(place, token.name) for place in known or ())))
        if known is None and node.type == "identifier":
            return {**states, token.name: (token.position,)}
        return states

    def _token(self, node: Node) -> _Token | None:
        """A name or a value; None for keywords and punctuation, whose type is their text."""
        text = self._tree.text(node)
        return None if text == node.type else _Token(node.start_byte, text)

    def _tokens(self, node: Node | None) -> list[_Token]:
        found: list[_Token] = []
        stack = [node] if node is not None else []
        while stack:
            this = stack.pop()
            if this.type in COMMENTS:
                continue
            if this.children and this.type not in _WHOLE:
                stack.extend(reversed(this.children))
            elif (token := self._token(this)) is not None:
                found.append(token)
        return found

    def _flow(
        self, targets: Sequence[_Token], sources: Sequence[_Token], relation: Relation, states: _States
    ) -> _States:
        """Each target gets its value from all sources."""
        if sources or self._rules.paired:
            self.edges += [_Edge(target, relation, tuple(sources)) for target in targets]
        return {**states, **{target.name: (target.position,) for target in targets}}

    def _definition(self, node: Node, states: _States) -> _States:
        name, value = self._name_and_value(node)
        if value is None:
            self.edges += [_Edge(token, "comesFrom", ()) for token in self._tokens(name)]
            return {**states, **{token.name: (token.position,) for token in self._tokens(name)}}
        states = self.visit(value, states)
        sources = self._tokens(value)
        if not sources:
            return {**states, **{token.name: (token.position,) for token in self._tokens(name)}}
        return self._flow(self._tokens(name), sources, "comesFrom", states)

    def _name_and_value(self, node: Node) -> tuple[Node | None, Node | None]:
        if self._rules.value_field:
            return node.child_by_field_name("name"), node.child_by_field_name(self._rules.value_field)
        return node.children[0], node.children[-1] if len(node.children) > 1 else None

    def _assignment(self, node: Node, states: _States) -> _States:
        return self._assigned(node.type, node.child_by_field_name("left"), node.child_by_field_name("right"), states)

    def _assigned(self, kind: str, left: Node | None, right: Node | None, states: _States) -> _States:
        if left is None or right is None:
            return states
        pairs = _in_pairs(left, right) if kind in self._rules.paired else [(left, right)]
        states = self._visit_all((value for _, value in pairs), states)
        for target, value in pairs:
            states = self._flow(self._tokens(target), self._tokens(value), "computedFrom", states)
        return states

    def _branches(self, node: Node, states: _States) -> _States:
        """The states after an if: those after any of its branches, and those before it if none may run."""
        rules = self._rules
        has_else = "else" in node.type or any("else" in child.type for child in node.children)
        current, others, is_other = states, [], False
        for child in node.children:
            is_other = child.type in rules.else_like or (is_other and rules.else_is_last)
            if is_other:
                others.append(self.visit(child, states))
            else:
                current = self.visit(child, current)
        ends = [*others, current, *([states] if rules.may_skip_all or not has_else else [])]
        joined: dict[str, set[int]] = {}
        for end in ends:
            for name, places in end.items():
                joined.setdefault(name, set()).update(places)
        return {name: tuple(sorted(places)) for name, places in joined.items()}

    def _each_loop(self, node: Node, states: _States) -> _States:
        each = self._rules.each
        if each.name:
            name, value = node.child_by_field_name(each.name), node.child_by_field_name(each.value)
        else:
            value, name = (*node.named_children[:2], None, None)[:2]
        body = node.child_by_field_name("body")
        for _ in range(2):
            states = self._assigned(node.type, name, value, states)
            states = self.visit(body, states)
        return states

    def _counted_loop(self, node: Node, states: _States) -> _States:
        states = self._visit_all(node.children, states)
        again = False
        for child in node.children:
            if again:
                states = self.visit(child, states)
            elif child.type in self._rules.initializers:
                if child.type == "for_clause":  # Go's has the whole head in one node
                    states = self.visit(child.child_by_field_name("update"), states)
                again = True
        return states
