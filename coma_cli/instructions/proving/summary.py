"""Counts the levels of proof of a run's programs, and says with what they were run."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from coma_cli.instructions.proving.levels import LEVELS, Agreement
from coma_cli.instructions.proving.prover import Prover
from coma_cli.instructions.rounds import ItemDraft


class ProofSummary(BaseModel):
    """How many programs reached each level, in total and by language, before rows below the wanted level were dropped.

    `isolation` is that of the programs that this start has run, "" if it ran none; `toolchains` are the versions of
    those of other languages that are installed, by language; `runs` counts programs executed by this start.
    `agreement` counts functions for which several programs were compared: more than half agree with the one kept
    ("majority"), fewer ("minority"), or "none"; `replaced` counts those of which another than the first was kept.
    """

    levels: dict[str, int]
    by_language: dict[str, dict[str, int]]
    runs: int
    isolation: str
    toolchains: dict[str, str]
    agreement: dict[str, int]
    replaced: int

    @property
    def without_majority(self) -> int:
        """For how many functions programs were compared of which more than half do not agree."""
        return self.agreement.get("minority", 0) + self.agreement.get("none", 0)


def proof_summary(drafts: Iterable[ItemDraft[Any]], prover: Prover) -> ProofSummary:
    """The counts over all drafts whose programs were proven."""
    counts: dict[str, Counter[str]] = {}
    agreement: Counter[str] = Counter()
    replaced = 0
    for draft in drafts:
        if draft.proof is None:
            continue
        counts.setdefault(draft.item.language, Counter())[draft.proof.level] += 1
        agreement.update([draft.proof.agreement] if draft.proof.agreement is not None else [])
        replaced += draft.program > 1
    return ProofSummary(
        levels=_in_order(sum(counts.values(), Counter())),
        by_language={language: _in_order(found) for language, found in sorted(counts.items())},
        runs=prover.runs,
        isolation=prover.isolation,
        toolchains=prover.toolchains,
        agreement={name: agreement[name] for name in get_args(Agreement) if agreement[name]},
        replaced=replaced,
    )


def _in_order(found: Counter[str]) -> dict[str, int]:
    """The levels that occur, highest first."""
    return {level: found[level] for level in reversed(LEVELS) if found[level]}
