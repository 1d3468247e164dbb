"""From drafts to rows: accepted drafts become examples, others are kept with the reason why they were refused.

Pure, and computed from all answers each time: the rows of a resumed run can't differ from those of an uninterrupted
one. Drafts come in the order in which their functions were chosen, so a larger `num` later keeps the earlier rows when
duplicates are dropped.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from coma_cli.corpus.cleaning.cleaning import clean
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import decontaminate
from coma_cli.corpus.dedup.duplicates import unique
from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.corpus.splitting import split
from coma_cli.instructions.rounds import Item, ItemDraft, ItemKind
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.taken_texts import TakenTexts
from coma_cli.records import DroppedRow, Example, Record

NEAR_REPEAT = "near-repeat"
# Instructions are shorter than what near duplicates are made for, and one word changes more of them.
_SHORT_TEXTS = {"shingle_tokens": 3, "min_tokens": 6, "threshold": 0.7}
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
    if kind.group is not None and "near-repeat" in settings.filters.instruction_checks:
        kept = _without_near_repeats(kept, settings.near, skipped.append)
    if benchmarks is not None:
        kept = list(decontaminate(kept, benchmarks, skipped.append, lambda hit: None))
    sides = split(kept, settings.validation_share, settings.seed, skipped.append, settings.near)
    return GeneratedRows(_in_order(sides.train), _in_order(sides.validation), _in_order(skipped))


def _without_near_repeats(rows: Sequence[Example], near: NearRules, on_drop: OnDrop) -> list[Example]:
    """The rows whose instructions do not nearly repeat an earlier one, whatever their programs are."""
    fresh = TakenTexts(near.model_copy(update=_SHORT_TEXTS)).add([row.instruction for row in rows])
    for row, is_fresh in zip(rows, fresh, strict=True):
        if not is_fresh:
            on_drop(dropped(row, NEAR_REPEAT))
    return [row for row, is_fresh in zip(rows, fresh, strict=True) if is_fresh]


def _in_order(rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: row.key))
