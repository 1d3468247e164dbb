"""Trains what is decided: the model is loaded, the missing steps are made, and adapter or model is written.

With a launcher (`torchrun`, `accelerate launch`) every process loads the model and trains; rank 0 alone has the run,
its lock and its files, and tells the others what it has decided.

Import it inside functions: it needs the train extra.
"""

import logging
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coma_cli import console
from coma_cli.models.base_record import BaseRecord
from coma_cli.models.loading import Placement, choose_placement, load_generation_config
from coma_cli.models.visible_device import device_of_rank, pin_device
from coma_cli.parallel.ranks import ProcessRank, call_together, called_together
from coma_cli.training import plot, requirements
from coma_cli.training.distributed.choice import Sharding, sharding_of
from coma_cli.training.distributed.sharding import shard
from coma_cli.training.distributed.team import ALONE, Team, ending_together, join, leave
from coma_cli.training.job import TuningJob
from coma_cli.training.metrics import METRICS, TrainingStep, in_order
from coma_cli.training.optimizers import optimizer_for
from coma_cli.training.outputs import assemble
from coma_cli.training.preparation import TrainableModel, prepare
from coma_cli.training.settings import FinetuneSettings
from coma_cli.training.steps import TrainedSteps, help_train, keep_for_more_steps, train_steps
from coma_cli.training.summary import FinetuneSummary
from coma_cli.training.unmutating import state_of, write_for_published_base
from coma_cli.workspace import Run


@dataclass(frozen=True)
class _Assignment:
    """What rank 0 has decided for all: what is trained, in which dtype, and how the weights are spread."""

    settings: FinetuneSettings
    job: TuningJob
    dtype: str
    sharding: Sharding


def tune(run: Run, settings: FinetuneSettings, job: TuningJob, rows: Mapping[str, int]) -> FinetuneSummary:
    """Continue from the latest complete checkpoint; the last one, or the best one, becomes the output.

    `rows` counts those that were read, by file.
    """
    rank = ProcessRank.of_environment()
    device = _own_device(settings.runtime.device, rank, deterministic=settings.runtime.deterministic)
    placement = choose_placement(device, settings.dtype, training=True)
    _, replaced = optimizer_for(settings.optimizer.name, on_cpu=placement.device == "cpu")
    for line in (*placement.replaced, *replaced):
        console.warn(f"Replaced {line}.")
    requirements.require_memory(settings, job, placement, 1 if rank is None else rank.local_world)
    sharding: Sharding = "none" if rank is None else sharding_of(settings.runtime)
    with _leading_team(rank, device, settings) as team:
        team.share(_Assignment(settings, job, placement.dtype_name, sharding))
        prepared = _prepared(settings, job, placement, team, sharding)
        initial = state_of(prepared.model) if settings.lora.changes_the_base else None
        trained = train_steps(run, settings, job, prepared.model, placement, team)
        team.wait()
    _write(run, settings, job, placement, trained, initial)
    return _summary(run, settings, job, rows, prepared, placement, trained)


def help_tune() -> None:
    """The same for a rank other than 0, which writes nothing but its random state into checkpoints."""
    rank = ProcessRank.of_environment()
    assert rank is not None
    _leave_speaking_to_rank_0()
    call = called_together(rank.store())
    if call is None:
        return
    with ending_together(rank):
        device = _own_device(call["device"], rank, deterministic=call["deterministic"])
        team = join(rank, device)
        told: _Assignment = team.told()
        placement = choose_placement(device, told.dtype, training=True)
        prepared = _prepared(told.settings, told.job, placement, team, told.sharding)
        help_train(told.settings, told.job, prepared.model, placement, team)
        team.wait()
        leave()


def _leave_speaking_to_rank_0() -> None:
    """Print errors only, and have Ctrl-C, which reaches all processes, handled by rank 0."""
    console.silence()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _leading_team(rank: ProcessRank | None, device: str, settings: FinetuneSettings) -> Iterator[Team]:
    """The team that rank 0 leads; this process alone if no launcher started others."""
    if rank is None:
        yield ALONE
        return
    with ending_together(rank):
        runtime = settings.runtime
        call_together(rank.store(), {"device": runtime.device, "deterministic": runtime.deterministic})
        yield join(rank, device)
        leave()


def _own_device(wanted: str, rank: ProcessRank | None, *, deterministic: bool) -> str:
    """The device of this process, which sees no other GPU from then on."""
    own = wanted if rank is None else device_of_rank(wanted, rank.local, rank.local_world)
    return pin_device(own, deterministic=deterministic)


def _prepared(
    settings: FinetuneSettings, job: TuningJob, placement: Placement, team: Team, sharding: Sharding
) -> TrainableModel:
    """The model to train, sharded over the team if that is wanted."""
    sharded = sharding == "fsdp2"
    prepared = prepare(settings, job.mode, job.resolved, placement, job.trust, job.adapter, float_storage=sharded)
    if sharded:
        shard(prepared.model, team, placement.device)
    return prepared


def _write(
    run: Run, settings: FinetuneSettings, job: TuningJob, placement: Placement, trained: TrainedSteps, initial: Any
) -> None:
    """Make the output of the last or best checkpoint; `initial` are the matrices that an initialisation took out."""
    base = BaseRecord(
        job.resolved.name,
        job.resolved.published_name,
        job.resolved.revision,
        job.resolved.content_sha256,
        job.mode.four_bit,
        placement.dtype_name,
        job.mode.eight_bit,
    )
    folder, generation = run.scratch("output") / job.mode.output, load_generation_config(job.resolved, trust=job.trust)
    made = assemble(trained.result.path, folder, job.mode, job.resolved, base, job.tokenizer, job.template, generation)
    if initial is not None:
        write_for_published_base(made, initial)
    run.place(made, job.mode.output)
    if settings.can_be_extended and job.mode.adapter:
        keep_for_more_steps(run, trained)
    rows = list(run.journal(METRICS, TrainingStep).rows())
    plot.draw(rows, f"{job.resolved.name}, {job.mode.name}", run.path / plot.PLOT)


def _summary(
    run: Run,
    settings: FinetuneSettings,
    job: TuningJob,
    read: Mapping[str, int],
    prepared: TrainableModel,
    placement: Placement,
    trained: TrainedSteps,
) -> FinetuneSummary:
    rows = in_order(list(run.journal(METRICS, TrainingStep).rows()))
    tail = [row.loss for row in rows[-max(1, len(rows) // 10) :]]
    steps = trained.last.step
    seen = sum(len(batch) for batch in job.batches[: steps * settings.batch.accumulation])
    _, replaced = optimizer_for(settings.optimizer.name, on_cpu=placement.device == "cpu")
    return FinetuneSummary(
        base=job.resolved.name,
        mode=job.mode.name,
        template=job.template.name,
        template_sha256=job.template.sha256,
        rows=dict(read),
        rows_trained_on=len(job.rows),
        rows_skipped=dict(job.skipped),
        checked_against=job.check.covers,
        contaminated=job.check.found,
        decontaminated=settings.decontaminate,
        steps=steps,
        stopped_early=steps < job.steps,
        epochs=round(seen / len(job.rows), 4),
        tokens=sum(job.tokens_of(step) for step in range(1, steps + 1)),
        batch_size=trained.batch.size,
        parameters=prepared.total,
        trainable_parameters=prepared.trainable,
        first_loss=rows[0].loss,
        last_loss=sum(tail) / len(tail),
        skipped_steps=sum(row.skipped for row in rows),
        validation_rows=len(job.held_out),
        best=trained.best,
        step_of_output=trained.result.step,
        device=placement.device,
        dtype=placement.dtype_name,
        replaced=[*placement.replaced, *replaced],
        output=str(run.path / job.mode.output),
    )
