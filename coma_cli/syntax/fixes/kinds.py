"""Names the kind of a fix that can be told from the buggy function alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from coma_cli.syntax.fixes import conditions, loops, names, statements
from coma_cli.syntax.fixes.change import Change, Edit, bare, edited
from coma_cli.syntax.fixes.guards import guarded
from coma_cli.syntax.fixes.null_values import is_likely_null

Edits = Callable[[Change], Iterator[Edit]]

# Edits of the buggy function that give the fixed one.
REPAIRS: Mapping[str, Edits] = {
    "string-identity": conditions.string_identity,
    "inverted-null-check": conditions.inverted_null_check,
    "wrong-conjunction": conditions.wrong_conjunction,
    "late-check": conditions.late_check,
    "null-safe-equals": conditions.null_safe_equals,
    "past-the-end": loops.past_the_end,
    "sign-of-comparison": conditions.sign_of_comparison,
    "whole-division": conditions.whole_division,
    "assigned-to-itself": names.assigned_to_itself,
    "unused-variable": names.unused_variable,
    "checked-variable": names.checked_variable,
    "ignored-result": names.ignored_result,
    "endless-recursion": names.endless_recursion,
    "other-length": loops.other_length,
    "loop-direction": loops.loop_direction,
    "other-counter": loops.other_counter,
    "other-check": names.other_check,
    "built-value": names.built_value,
    "other-key": names.other_key,
    "not-forwarded": names.not_forwarded,
    "wrong-limit": names.wrong_limit,
    "not-kept": statements.not_kept,
    "old-value": statements.old_value,
    "not-thrown": statements.not_thrown,
    "repeated-statement": statements.repeated_statement,
}
# Edits of the fixed function that give the buggy one.
ADDITIONS: Mapping[str, Edits] = {
    "missing-break": statements.missing_break,
    "not-released": statements.not_released,
    "missing-exit": statements.missing_exit,
    "endless-loop": loops.endless_loop,
    "not-stored": statements.not_stored,
}
# Pairs of edits of the buggy function that move a statement.
MOVES: Mapping[str, Callable[[Change], Iterator[tuple[Edit, Edit]]]] = {
    "used-before-check": statements.used_before_check,
    "used-before-set": statements.used_before_set,
}


def knowable_kind(change: Change) -> str:
    """The kind of a fix of a Java function that a reader of the buggy function can know; "" for others.

    Kinds are "guard" (see `guards`), "extended-guard" and the keys of `REPAIRS`, `ADDITIONS` and `MOVES`.
    """
    if statements.extended_guard(change):
        return "extended-guard"
    added = guarded(change)
    if added:
        return "guard" if all(is_likely_null(change, guard) for guard in added) else ""
    code, fixed = change.before.code, change.fixed
    for name, repairs in REPAIRS.items():
        if _gives(code, list(repairs(change)), fixed):
            return name
    for name, removals in ADDITIONS.items():
        if _gives(change.after.code, list(removals(change)), change.buggy):
            return name
    moved = (name for name, moves in MOVES.items() for pair in moves(change) if bare(edited(code, pair)) == fixed)
    return next(moved, "")


def _gives(code: str, edits: list[Edit], wanted: tuple[str, ...]) -> bool:
    """Whether one of the edits gives a code, or the first edit of each place together."""
    if any(bare(edited(code, [edit])) == wanted for edit in edits):
        return True
    first = {edit.start: edit for edit in reversed(edits)}
    apart = all(one.end <= other.start for one, other in pairwise(sorted(first.values())))
    return len(first) > 1 and apart and bare(edited(code, first.values())) == wanted
