"""What a training run needs of the machine: its estimate, what is missing, and what is worth a warning."""

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.errors import CliError, UsageError, missing_package
from coma_cli.models import visible_device
from coma_cli.models.cpu_features import multiplies_bfloat16
from coma_cli.models.description import described
from coma_cli.models.resolution import ResolvedBase
from coma_cli.parallel.machine import memory_mb
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.training import estimate
from coma_cli.training.devices import named_device
from coma_cli.training.distributed import choice
from coma_cli.training.encoding import NO_LABEL
from coma_cli.training.estimate import TrainingEstimate, Workplace
from coma_cli.training.examples import TrainingRow
from coma_cli.training.job import TuningJob
from coma_cli.training.memory import Arithmetic, StepShape
from coma_cli.training.modes import Mode
from coma_cli.training.optimizers import OPTIMIZERS
from coma_cli.training.rates import rate_notes
from coma_cli.training.settings import FinetuneSettings

_TEMPLATE_TOKENS = 40
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Needs:
    """An estimate, None for a base of unknown shape, and how a plan shows it."""

    estimate: TrainingEstimate | None
    shown: Mapping[str, Any]


def needed(
    settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase, rows: Sequence[TrainingRow], steps: int
) -> Needs:
    """What training on these rows takes, from their characters alone."""
    lengths = [_tokens(len(row.instruction) + len(row.input) + len(row.output)) for row in rows]
    kept = [min(length, settings.max_seq_len) for length in lengths]
    tokens = int(steps * settings.batch.rows_per_step * sum(kept) / len(kept))
    answers = sum(len(row.output) for row in rows) / max(1, sum(len(r.instruction + r.input + r.output) for r in rows))
    positions = settings.batch.size * int(max(kept))
    shape = estimate.architecture_of(resolved)
    shown: dict[str, Any] = {"tokens_about": tokens}
    if shape is None:
        return Needs(None, shown)
    step = StepShape(positions, max(1, int(answers * positions)), settings.batch.accumulation > 1)
    found = estimate.estimate(settings, mode, shape, tokens, step, _workplace(settings))
    return Needs(found, {**shown, **found.shown(), **estimate.counted_layout(settings, mode, resolved)})


def _tokens(characters: int) -> float:
    return characters / estimate.CHARACTERS_PER_TOKEN + _TEMPLATE_TOKENS


def _workplace(settings: FinetuneSettings) -> Workplace:
    """The device that is named, else that of this machine; torch is not imported for it."""
    named = settings.runtime.for_device
    if named is not None:
        device = named_device(named)
        width = 4 if settings.dtype in ("float32", "fp32") else 2
        return Workplace(f"{device.title} ({device.memory_gb:g} GB each)", Arithmetic(False, width), device)
    if _is_cpu(settings):
        half = (
            multiplies_bfloat16() if settings.dtype in ("auto", "float16", "fp16") else settings.dtype.startswith("b")
        )
        title = f"the CPU of this machine ({memory_mb() / 1e3 * 1.048576:.1f} GB)"
        return Workplace(title, Arithmetic(True, 2 if half else 4))
    width = 4 if settings.dtype in ("float32", "fp32") else 2
    return Workplace("the GPU of this machine", Arithmetic(False, width))


def _is_cpu(settings: FinetuneSettings) -> bool:
    """Whether training will be on the CPU; checks for driver files instead of importing torch."""
    if settings.runtime.device != "auto":
        return settings.runtime.device == "cpu"
    return not visible_device.has_gpu_driver()


def blockers(
    settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase, needs: Needs, folder: Path
) -> list[CliError]:
    """What keeps this machine from training; for another device only what it is too small for."""
    if settings.runtime.for_device is not None:
        return _too_small(needs)
    rank = ProcessRank.of_environment()
    packages = dict.fromkeys((*mode.packages, *OPTIMIZERS[settings.optimizer.name].packages))
    absent = [package for package in packages if importlib.util.find_spec(package) is None]
    purposes = dict.fromkeys(mode.packages, f"--{mode.name}")
    found: list[CliError] = [
        missing_package(package, purposes.get(package, f"--optimizer {settings.optimizer.name}")) for package in absent
    ]
    if settings.runtime.device.startswith("cuda") and not visible_device.has_gpu_driver():
        found.append(UsageError(f"This machine has no device {settings.runtime.device}.", "--set runtime.device=cpu"))
    found += choice.blockers(settings, mode, rank)
    found += _too_small(needs, 1 if rank is None else rank.local_world)
    found += _too_full(needs, folder)
    return [*found, resolved.blocker] if resolved.blocker else found


def _too_small(needs: Needs, processes: int = 1) -> list[CliError]:
    """Memory that is missing, as far as it is known without loading anything: of the CPU, and of a named device.

    So many processes share the memory of a CPU.
    """
    found = needs.estimate
    if found is None:
        return []
    device = found.workplace.device
    if device is None and not found.workplace.arithmetic.on_cpu:
        return []  # the GPU of this machine is asked before loading (`require_memory`)
    there = device.memory_gb if device else memory_mb() * (1 << 20) / _GIGABYTE / processes
    if found.memory_gb <= there:
        return []
    return [_does_not_fit(found.memory_gb, there, found.workplace.title)]


def _does_not_fit(needed_gb: float, there_gb: float, where: str) -> CliError:
    return CliError(
        f"Training needs about {needed_gb:.1f} GB of memory, and {where} has {there_gb:.1f} GB.",
        "--qlora, a smaller --batch-size or --max-seq-len, --set runtime.gradient_checkpointing=true, "
        "or a smaller --base; --for-device estimates for another machine.",
    )


def _too_full(needs: Needs, folder: Path) -> list[CliError]:
    if needs.estimate is None:
        return []
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(nearest).free
    if needs.estimate.disk_bytes <= free:
        return []
    return [
        CliError(
            f"Checkpoints and output need about {needs.estimate.disk_bytes / _GIGABYTE:.1f} GB, "
            f"and {nearest} has {free / _GIGABYTE:.1f} GB free.",
            "Free some space, choose another --workspace, or --set runtime.save_total_limit=1.",
        )
    ]


def require_memory(settings: FinetuneSettings, job: TuningJob, placement: Any, processes: int = 1) -> None:
    """Ask the device that will train, before anything is loaded, with the batches as they are.

    With `--auto-batch` one row per batch has to fit. So many processes share the memory of a CPU.

    Raises:
        CliError: it has too little memory.
    """
    shape = estimate.architecture_of(job.resolved)
    if shape is None:
        return
    on_cpu = placement.device == "cpu"
    width = 4 if placement.dtype_name == "float32" else 2
    workplace = Workplace(str(placement.device), Arithmetic(on_cpu, width))
    step = largest_step(job)
    if settings.runtime.auto_batch:
        step = StepShape(step.positions // job.batch.size, step.labels // job.batch.size, step.accumulated)
    found = estimate.estimate(settings, job.mode, shape, 1, step, workplace)
    there = memory_mb() * (1 << 20) // processes if on_cpu else _gpu_bytes(placement.device)
    if found.memory.total > there:
        raise _does_not_fit(found.memory_gb, there / _GIGABYTE, str(placement.device))


def largest_step(job: TuningJob) -> StepShape:
    """The largest batch of a job, padding included."""
    batches = {batch for batch in job.batches if batch}
    positions = max(len(batch) * max(len(job.rows[row].ids) for row in batch) for batch in batches)
    labels = max(sum(label != NO_LABEL for row in batch for label in job.rows[row].labels) for batch in batches)
    return StepShape(positions, labels, job.batch.accumulation > 1)


def _gpu_bytes(device: str) -> int:
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory)


def notes(settings: FinetuneSettings, resolved: ResolvedBase) -> list[str]:
    """What is worth knowing before the first step."""
    found = choice.notes(settings, ProcessRank.of_environment())
    found += [line for line in (described(resolved),) if line is not None]
    found += [f"Departs from the published recipe: {line}" for line in settings.departures]
    found += rate_notes(settings, resolved)
    if settings.runtime.for_device is not None and resolved.blocker is not None:
        found.append(f"Not checked for {settings.runtime.for_device}: {resolved.blocker.message}")
    return found
