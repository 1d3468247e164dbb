"""From drafts to rows: accepted drafts become examples, others are kept with the reason why they were refused.

Pure, and computed from all answers each time: the rows of a resumed run can't differ from those of an uninterrupted
one. Drafts come in the order in which their functions were chosen, so a larger `num` later keeps the earlier rows when
duplicates are dropped.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from coma_cli.corpus.cleaning.cleaning import clean
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import decontaminate
from coma_cli.corpus.dedup.duplicates import unique
from coma_cli.corpus.splitting import split
from coma_cli.instructions.rounds import Item, ItemDraft, ItemKind
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import DroppedRow, Example, Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class GeneratedRows:
    """The rows of a run, each list in the order of its keys."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    dropped: tuple[DroppedRow, ...]

    @property
    def kept(self) -> int:
        """How many rows there are for training and validation."""
        return len(self.train) + len(self.validation)

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were dropped for each reason, most frequent first."""
        counts = Counter(row.reason for row in self.dropped)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def rows_of(
    kind: ItemKind[Item], drafts: Iterable[ItemDraft[Item]], settings: GenSettings, benchmarks: BenchmarkIndex | None
) -> GeneratedRows:
    """The rows of all settled drafts: deduplicated, decontaminated, split."""
    skipped: list[DroppedRow] = []
    accepted: list[Example] = []
    for draft in drafts:
        if draft.refused is not None:
            skipped.append(kind.dropped(draft, draft.refused))
        elif draft.settled:
            accepted.append(kind.example(draft, settings))
    cleaned = clean(accepted, settings.cleaning, skipped.append)
    kept = unique(cleaned, skipped.append, settings.near)
    if benchmarks is not None:
        kept = list(decontaminate(kept, benchmarks, skipped.append, lambda hit: None))
    sides = split(kept, settings.validation_share, settings.seed, skipped.append, settings.near)
    return GeneratedRows(_in_order(sides.train), _in_order(sides.validation), _in_order(skipped))


def _in_order(rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: row.key))
