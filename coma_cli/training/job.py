"""Everything about a training run that is decided before its first step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coma_cli.corpus.decontamination.training_check import TrainingCheck
from coma_cli.models.adapters import Adapter
from coma_cli.models.resolution import ResolvedBase, Trust
from coma_cli.prompting import PromptTemplate
from coma_cli.training.batching import Batching, all_batches
from coma_cli.training.encoding import EncodedRow
from coma_cli.training.modes import Mode
from coma_cli.training.probe_rows import ProbedRow
from coma_cli.training.settings import BatchBlock


@dataclass(frozen=True)
class TuningJob:
    """What is trained, on which rows, in which batches.

    `held_out` rows are validated on, `probes` are those of them that are answered during training. `adapter` is the one
    to continue from.
    """

    mode: Mode
    resolved: ResolvedBase
    trust: Trust
    tokenizer: Any
    template: PromptTemplate
    rows: tuple[EncodedRow, ...]
    skipped: Mapping[str, int]
    check: TrainingCheck
    batch: BatchBlock
    batches: tuple[tuple[int, ...], ...]
    steps: int
    batching: Batching = "length"
    held_out: tuple[EncodedRow, ...] = ()
    probes: tuple[ProbedRow, ...] = ()
    adapter: Adapter | None = None

    def in_batches_of(self, batch: BatchBlock, seed: int) -> "TuningJob":
        """The same steps of the same rows, each split into other batches."""
        return replace(self, batch=batch, batches=plan_batches(self.rows, batch, seed, self.steps, self.batching))

    def batches_of(self, step: int) -> Sequence[tuple[int, ...]]:
        """The batches of one step, which are counted from 1."""
        size = self.batch.accumulation
        return self.batches[(step - 1) * size : step * size]

    def tokens_of(self, step: int) -> int:
        """Tokens that a step sees."""
        return sum(len(self.rows[row].ids) for batch in self.batches_of(step) for row in batch)

    def rows_of(self, step: int) -> list[str]:
        """The ids of the rows of a step."""
        return [self.rows[row].id for batch in self.batches_of(step) for row in batch]


def plan_batches(
    rows: Sequence[EncodedRow], batch: BatchBlock, seed: int, steps: int, batching: Batching
) -> tuple[tuple[int, ...], ...]:
    """The batches of all steps, `batch.accumulation` of them per step."""
    lengths = [len(row.ids) for row in rows]
    return tuple(map(tuple, all_batches(lengths, batch.size, batch.accumulation, seed, steps, batching)))


def smaller(batch: BatchBlock) -> BatchBlock | None:
    """At most half the rows per batch and the same rows per step; None for batches of one row."""
    rows = batch.rows_per_step
    size = max((size for size in range(1, batch.size // 2 + 1) if rows % size == 0), default=None)
    return None if size is None else BatchBlock(size=size, accumulation=rows // size)
