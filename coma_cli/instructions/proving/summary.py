"""Counts the levels of proof of a run's programs, and says with what they were run."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from coma_cli.instructions.proving.levels import LEVELS
from coma_cli.instructions.proving.prover import Prover
from coma_cli.instructions.rounds import ItemDraft


class ProofSummary(BaseModel):
    """How many programs reached each level, in total and by language, before rows below the wanted level were dropped.

    `isolation` is that of the programs that this start has run, "" if it ran none; `toolchains` are the versions of
    those of other languages that are installed, by language; `runs` counts programs executed by this start.
    """

    levels: dict[str, int]
    by_language: dict[str, dict[str, int]]
    runs: int
    isolation: str
    toolchains: dict[str, str]


def proof_summary(drafts: Iterable[ItemDraft[Any]], prover: Prover) -> ProofSummary:
    """The counts over all drafts whose programs were proven."""
    counts: dict[str, Counter[str]] = {}
    for draft in drafts:
        if draft.proof is not None:
            counts.setdefault(draft.item.language, Counter())[draft.proof.level] += 1
    return ProofSummary(
        levels=_in_order(sum(counts.values(), Counter())),
        by_language={language: _in_order(found) for language, found in sorted(counts.items())},
        runs=prover.runs,
        isolation=prover.isolation,
        toolchains=prover.toolchains,
    )


def _in_order(found: Counter[str]) -> dict[str, int]:
    """The levels that occur, highest first."""
    return {level: found[level] for level in reversed(LEVELS) if found[level]}
