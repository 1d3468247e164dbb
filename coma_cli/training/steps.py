"""Trains the missing steps of a run: from the last checkpoint, with smaller batches where memory runs out.

Of a team of processes rank 0 decides where to begin and tells the others; all of them train, and rank 0 alone writes.

Import it inside functions: it needs the train extra.
"""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from coma_cli import console
from coma_cli.errors import CliError, is_out_of_memory
from coma_cli.jsonl import read_json, read_rows, write_json, write_rows
from coma_cli.models.loading import Placement
from coma_cli.training import checkpoints
from coma_cli.training.batching import Packing, collate, steps_of
from coma_cli.training.callbacks import AfterStep, TrainingCallback
from coma_cli.training.checkpoints import Checkpoint
from coma_cli.training.distributed.dealing import batch_of_each, batches_of_rank
from coma_cli.training.distributed.team import ALONE, Team
from coma_cli.training.interruption import Interruption
from coma_cli.training.job import TuningJob, smaller
from coma_cli.training.metrics import METRICS, BestStep, TrainingStep, best_of, in_order
from coma_cli.training.probing import ProbeDuringTraining
from coma_cli.training.recording import StepRecorder
from coma_cli.training.reporting.reports import Reports, reporting
from coma_cli.training.reporting.tracker import ReportedRun
from coma_cli.training.saving import CheckpointSaver
from coma_cli.training.settings import BatchBlock, FinetuneSettings
from coma_cli.training.trainer import arguments, train
from coma_cli.training.validating import Validation, is_exhausted
from coma_cli.workspace import Run

_BATCH = "batch.json"
_MAX_SAVE_STEPS = 50
_SAVES_PER_RUN = 20


@dataclass(frozen=True)
class StepsToMake:
    """Where training begins, and what its checkpoints need: the same for all processes.

    `begun` is the checkpoint to continue from, `best` the best step so far, `folder` that of the checkpoints.
    """

    begun: Checkpoint | None
    best: BestStep | None
    batch: BatchBlock
    folder: Path
    fingerprint: str


@dataclass(frozen=True)
class TrainedSteps:
    """The state after the last step, that of the step whose weights are the result, and the batches used."""

    last: Checkpoint
    result: Checkpoint
    batch: BatchBlock
    best: BestStep | None


def train_steps(
    run: Run, settings: FinetuneSettings, job: TuningJob, model: Any, placement: Placement, team: Team = ALONE
) -> TrainedSteps:
    """Train what is missing.

    Raises:
        CliError: training diverged, or a step does not fit into memory. InterruptedByUserError, TerminatedError: a
            signal came, and the state was saved.
    """
    job = job.in_batches_of(_batch_so_far(run, job.batch), settings.seed)
    with reporting(settings.runtime.report_to, _reported(run, settings, job)) as reports:
        job = _missing_steps(run, settings, job, model, placement, team, reports)
    last = _latest(run, job.steps)
    best = best_of(_rows(run))
    assert last is not None and (last.step == job.steps or is_exhausted(best, settings.validation.patience))
    result = _of_step(run, best.step) if best and settings.validation.keep_best else last
    assert result is not None
    return TrainedSteps(last, result, job.batch, best)


def _missing_steps(
    run: Run, settings: FinetuneSettings, job: TuningJob, model: Any, placement: Placement, team: Team, reports: Reports
) -> TuningJob:
    """Train what is missing; the job in the batches that fitted into memory."""
    if _is_done(run, settings, job):
        team.share(None)
    while not _is_done(run, settings, job):
        fewer = _attempt(run, settings, job, model, placement, team, reports)
        if fewer is None:
            break
        job = job.in_batches_of(fewer, settings.seed)
        write_json(run.scratch("checkpoints") / _BATCH, fewer.model_dump())
        _free(model)
        console.warn(
            f"Memory ran out: going on with {fewer.accumulation} batches of {fewer.size} per step, the same rows."
        )
    return job


def _reported(run: Run, settings: FinetuneSettings, job: TuningJob) -> ReportedRun:
    begun = _latest(run, job.steps)
    shown = {**settings.identity(), **settings.extent()}
    return ReportedRun(run.name, run.path, run.shared_folder, begun.step if begun else 0, shown)


def _is_done(run: Run, settings: FinetuneSettings, job: TuningJob) -> bool:
    """Whether no step is missing; forgets the metrics of steps that will be made again."""
    last = _latest(run, job.steps)
    done = last.step if last else 0
    _forget_steps_after(run, done)
    if done >= job.steps:
        return True
    return done > 0 and is_exhausted(best_of(_rows(run)), settings.validation.patience)


def _attempt(
    run: Run, settings: FinetuneSettings, job: TuningJob, model: Any, placement: Placement, team: Team, reports: Reports
) -> BatchBlock | None:
    """Train to the end; or, if memory runs out and that is allowed, the smaller batches to go on with."""
    try:
        _train(run, settings, job, model, placement, team, reports)
    except CliError as error:
        fewer = smaller(job.batch)
        memory = error.__cause__ is not None and is_out_of_memory(error.__cause__)
        if not (memory and settings.runtime.auto_batch) or fewer is None:
            raise
        return fewer
    return None


def _train(
    run: Run, settings: FinetuneSettings, job: TuningJob, model: Any, placement: Placement, team: Team, reports: Reports
) -> None:
    """Train to the end as rank 0."""
    steps = StepsToMake(
        _latest(run, job.steps), best_of(_rows(run)), job.batch, run.scratch("checkpoints"), run.fingerprint
    )
    team.share(steps)
    done = steps.begun.step if steps.begun else 0
    interruption, found = Interruption(team), AfterStep()
    with console.progress("Training", job.steps, done, every=settings.runtime.logging_steps) as ticker:
        recorder = StepRecorder(run, run.journal(METRICS, TrainingStep), ticker, job, found, reports.log)
        callbacks = [recorder, *_callbacks(settings, job, steps, team, found), interruption]
        _make(steps, settings, job, model, placement, team, callbacks)
    if (error := interruption.error()) is not None and not _is_done(run, settings, job):
        raise error


def help_train(settings: FinetuneSettings, job: TuningJob, model: Any, placement: Placement, team: Team) -> None:
    """Train to the end as another rank than 0; nothing is to be done if no step is missing."""
    steps: StepsToMake | None = team.told()
    if steps is None:
        return
    job = job.in_batches_of(steps.batch, settings.seed)
    callbacks = [*_callbacks(settings, job, steps, team), Interruption(team)]
    _make(steps, settings, job, model, placement, team, callbacks)


def _make(
    steps: StepsToMake,
    settings: FinetuneSettings,
    job: TuningJob,
    model: Any,
    placement: Placement,
    team: Team,
    callbacks: list[TrainingCallback],
) -> None:
    """Make the steps in this process; the interruption is the last callback."""
    usual = max(1, min(_MAX_SAVE_STEPS, job.steps // _SAVES_PER_RUN))
    save_steps = between(settings.runtime.saves_per_epoch, job) or settings.runtime.save_steps or usual
    alone = team.size == 1
    batch = job.batch if alone else batch_of_each(job.batch, team.size)
    batches = [list(b) for b in job.batches] if alone else batches_of_rank(job, team.size, team.number)
    unused = any("expert" in name for name, _ in model.named_modules())  # a batch may not reach all experts
    options = {
        "model": model,
        "args": arguments(settings, job, placement, steps.folder, save_steps, batch, ddp_find_unused_parameters=unused),
        "computed_in": placement.dtype,
        "team": team,
    }
    collator = Packing(settings.max_seq_len) if job.batching == "packing" else collate
    interruption = callbacks[-1]
    assert isinstance(interruption, Interruption)
    with _deterministic(settings), interruption.listening():
        train(options, batches, job.rows, callbacks, steps.begun, collator)


def _callbacks(
    settings: FinetuneSettings, job: TuningJob, steps: StepsToMake, team: Team, found: AfterStep | None = None
) -> list[TrainingCallback]:
    """In the order of what they do after a step: validate and probe, save. Rank 0 keeps what is `found`."""
    found = found or AfterStep()
    validation = None
    if job.held_out:
        every = between(settings.validation.per_epoch, job) or settings.validation.every
        block = settings.validation.model_copy(update={"every": every})
        validation = Validation(block, job.held_out, job.batch.size, found, steps.best, team)
    keep_best = validation if settings.validation.keep_best else None

    def best_step() -> int | None:
        return keep_best.best.step if keep_best is not None and keep_best.best is not None else None

    probe = None
    if job.probes:
        probe = ProbeDuringTraining(settings.probe, job.probes, job.tokenizer, job.template, found, team)
    saver = CheckpointSaver(steps.fingerprint, settings.runtime.save_total_limit, best_step, team)
    return [callback for callback in (validation, probe, saver) if callback is not None]


def between(times_per_epoch: float | None, job: TuningJob) -> int | None:
    """Steps between things that are done so many times per epoch, at least 1; None if that is not set."""
    if times_per_epoch is None:
        return None
    epoch = steps_of(len(job.rows), job.batch.rows_per_step, epochs=1, max_steps=None)
    return max(1, round(epoch / times_per_epoch))


class _deterministic:  # noqa: N801  # used like a function
    """Kernels that give the same bits each time, while training."""

    def __init__(self, settings: FinetuneSettings) -> None:
        self._wanted = settings.runtime.deterministic
        self._before = torch.are_deterministic_algorithms_enabled()

    def __enter__(self) -> None:
        if self._wanted:
            torch.use_deterministic_algorithms(True)

    def __exit__(self, *_: object) -> None:
        torch.use_deterministic_algorithms(self._before)


def _free(model: Any) -> None:
    """Return what the failed attempt held. Call it when no exception is being handled, whose traceback holds it."""
    model.zero_grad(set_to_none=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _batch_so_far(run: Run, wanted: BatchBlock) -> BatchBlock:
    """The batches of a start of this run that was interrupted, which may be smaller than those wanted."""
    path = run.scratch("checkpoints") / _BATCH
    return BatchBlock(**read_json(path)) if path.is_file() else wanted


def _checkpoints(run: Run) -> dict[int, Checkpoint]:
    """Those of a killed start of this run, and of the shorter run that it extends."""
    folders = (run.path / checkpoints.CONTINUATION, run.scratch("checkpoints"))
    return {step: found for folder in folders for step, found in checkpoints.all_in(folder, run.fingerprint).items()}


def _latest(run: Run, at_most: int) -> Checkpoint | None:
    return max((c for c in _checkpoints(run).values() if c.step <= at_most), key=lambda c: c.step, default=None)


def _of_step(run: Run, step: int) -> Checkpoint | None:
    return _checkpoints(run).get(step)


def _rows(run: Run) -> list[TrainingStep]:
    return in_order(list(run.journal(METRICS, TrainingStep).rows()))


def _forget_steps_after(run: Run, step: int) -> None:
    """Remove the metrics of steps that will be made again."""
    path = run.path / METRICS
    if not path.exists():
        return
    rows = list(read_rows(path, lambda corrupt: None))
    kept = [row for row in rows if row.get("step", 0) <= step]
    if len(kept) < len(rows):
        run.close_journal(METRICS)
        write_rows(path, kept)


def keep_for_more_steps(run: Run, trained: TrainedSteps) -> None:
    """Move the last checkpoint, and the best one, out of scratch, so that a larger number of steps continues there."""
    folder = run.path / checkpoints.CONTINUATION
    folder.mkdir(exist_ok=True)
    for kept in {trained.last.path, trained.result.path}:
        if kept.parent != folder:
            kept.rename(folder / kept.name)
    checkpoints.retain(folder, last=1, also=trained.result.step)
