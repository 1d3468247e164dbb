"""Injects a bug into a function by one small edit that still parses, for defect detection and code repair."""

from typing import TypeVar

from coma_cli.syntax.finding import captured, only_function
from coma_cli.syntax.grammars import GRAMMARS
from coma_cli.syntax.sites import Mutation, Sites
from coma_cli.syntax.trees import parse, parses

_T = TypeVar("_T")
_PYTHON_FUNCTION = frozenset({"function_definition"})


def mutations(language: str, code: str) -> list[Mutation]:
    """The possible edits of one function, in text order; none for other languages and for code that does not parse."""
    tree = parse(language, code)
    if tree is None or tree.has_error:
        return []
    if language == "python":
        node = next(iter(captured(tree, tree.root, _PYTHON_FUNCTION)), None)
    else:
        found = only_function(tree) if language in GRAMMARS else None
        node = found.node if found is not None else None
    body = node.child_by_field_name("body") if node is not None else None
    sites = Sites(tree, body) if body is not None else ()
    return sorted(set(sites), key=lambda edit: (edit.start, edit.end, edit.kind, edit.replacement))


def mutate(language: str, code: str, seed: int) -> tuple[Mutation, str] | None:
    """A function with one edit, chosen by seed (first the kind, then the position); None if no edit is possible."""
    by_kind: dict[str, list[Mutation]] = {}
    for edit in mutations(language, code):
        by_kind.setdefault(edit.kind, []).append(edit)
    for kind in _from(sorted(by_kind), seed) if by_kind else ():
        for edit in _from(by_kind[kind], seed // len(by_kind)):
            changed = edit.apply(code)
            if parses(language, changed):
                return edit, changed
    return None


def _from(choices: list[_T], seed: int) -> list[_T]:
    """All choices, rotated to start with the one chosen by the seed."""
    first = seed % len(choices)
    return choices[first:] + choices[:first]
