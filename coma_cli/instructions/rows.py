"""From drafts to rows: what is accepted becomes an example, what is not is kept with the one reason that decided.

Pure, and made anew from all answers each time: the rows of a resumed run can't differ from those of one that was not
interrupted. Drafts come in the order in which their functions were chosen, so asking for more later keeps the rows of
before when repeats are left out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from coma_cli.corpus.cleaning import clean
from coma_cli.corpus.decontaminate import BenchmarkIndex, decontaminate
from coma_cli.corpus.dedup import unique
from coma_cli.corpus.splitting import split
from coma_cli.instructions import replies
from coma_cli.instructions.parsing import Refused
from coma_cli.instructions.replies import Reply
from coma_cli.instructions.rounds import Draft
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import DroppedRow, Example, Record

SOURCE = "gen-instructions"
TASK = "code-generation"
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Rows:
    """The rows of a run, each list in the order of its keys."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    dropped: tuple[DroppedRow, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were dropped for each reason, most frequent first."""
        counts = Counter(row.reason for row in self.dropped)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def rows_of(drafts: Iterable[Draft | Reply], settings: GenSettings, benchmarks: BenchmarkIndex | None) -> Rows:
    """The rows of all drafts that are settled: without repeats, without benchmark text, divided in two."""
    left_out: list[DroppedRow] = []
    accepted: list[Example] = []
    for draft in drafts:
        if draft.refused is not None:
            left_out.append(_dropped(draft, draft.refused))
        elif draft.settled:
            accepted.append(_example(draft, settings))
    cleaned = clean(accepted, settings.cleaning, left_out.append)
    kept = unique(cleaned, left_out.append, settings.near)
    if benchmarks is not None:
        kept = list(decontaminate(kept, benchmarks, left_out.append, lambda hit: None))
    sides = split(kept, settings.validation_share, settings.seed, left_out.append, settings.near)
    return Rows(_in_order(sides.train), _in_order(sides.validation), _in_order(left_out))


def _example(draft: Draft | Reply, settings: GenSettings) -> Example:
    return replies.example_of(draft, settings) if isinstance(draft, Reply) else example_of(draft, settings)


def _dropped(draft: Draft | Reply, refused: Refused) -> DroppedRow:
    return replies.dropped_of(draft, refused) if isinstance(draft, Reply) else dropped_of(draft, refused)


def _in_order(rows: Iterable[R]) -> tuple[R, ...]:
    return tuple(sorted(rows, key=lambda row: row.key))


def row_id(draft: Draft) -> str:
    """The id of the row that a draft becomes."""
    return f"{SOURCE}/{draft.seed.language}/{draft.seed.id}"


def example_of(draft: Draft, settings: GenSettings) -> Example:
    """An accepted draft as a row."""
    assert draft.instruction is not None and draft.program is not None
    answers = " ".join(name[:16] for name in draft.answers)
    return Example(
        id=row_id(draft),
        task=TASK,
        source=SOURCE,
        language=draft.seed.language,
        text_language=settings.text_language,
        instruction=draft.instruction,
        output=draft.program,
        licence=draft.seed.licence,
        origin=draft.seed.origin,
        made_by=f"{settings.model} in two rounds, answers {answers}",
    )


def dropped_of(draft: Draft, refused: Refused) -> DroppedRow:
    """A draft that became no row."""
    seed = draft.seed
    kept = {
        "language": seed.language,
        "code": seed.code,
        "origin": seed.origin.model_dump(mode="json"),
        "instruction": draft.instruction,
        "program": draft.program,
        "answers": draft.answers,
    }
    return DroppedRow(id=row_id(draft), source=SOURCE, reason=refused.reason, detail=refused.detail, row=kept)
