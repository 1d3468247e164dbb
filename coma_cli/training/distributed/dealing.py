"""Which rows of a step each process trains: together they are those that one process would train.

accelerate deals whole batches in turn, which mixes planned steps. Here each step is dealt by itself: its rows, sorted
by length, are cut into as many passes as are needed, and each pass is dealt row by row, so that the processes, which
wait for each other, have rows of about the same length in every pass.
"""

from collections.abc import Sequence

from coma_cli.training.job import TuningJob
from coma_cli.training.settings import BatchBlock


def batch_of_each(batch: BatchBlock, processes: int) -> BatchBlock:
    """The largest batch of one process, and how many it has per step; the rows of a step are those of `batch`."""
    passes = -(-batch.rows_per_step // (batch.size * processes))
    return BatchBlock(size=-(-batch.rows_per_step // (passes * processes)), accumulation=passes)


def dealt(rows: Sequence[int], passes: int, processes: int, number: int) -> list[list[int]]:
    """The batches of process `number` of a step with these rows, one for each pass; a short step has empty ones."""
    bounds = [len(rows) * cut // passes for cut in range(passes + 1)]
    return [list(rows[bounds[i] + number : bounds[i + 1] : processes]) for i in range(passes)]


def batches_of_rank(job: TuningJob, processes: int, number: int) -> list[list[int]]:
    """The batches of all steps of a job for one of several processes."""
    passes = batch_of_each(job.batch, processes).accumulation
    steps = ([row for batch in job.batches_of(step) for row in batch] for step in range(1, job.steps + 1))
    return [batch for rows in steps for batch in dealt(rows, passes, processes, number)]
