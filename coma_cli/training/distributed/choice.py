"""How several processes share the work, and what can't be done with several of them."""

import os
from collections.abc import Mapping
from typing import Literal

from coma_cli.errors import CliError, UsageError
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.training.distributed import deepspeed
from coma_cli.training.modes import Mode
from coma_cli.training.runtime_settings import FinetuneRuntime
from coma_cli.training.settings import FinetuneSettings

Sharding = Literal["none", "fsdp2"]
_LAUNCH = "torchrun --nproc-per-node N -m coma_cli finetune ..."


def sharding_of(runtime: FinetuneRuntime, environ: Mapping[str, str] = os.environ) -> Sharding:
    """That of the settings; that of `accelerate launch --use_fsdp`, whose other choices coma makes itself."""
    return "fsdp2" if environ.get("ACCELERATE_USE_FSDP", "").lower() == "true" else runtime.sharding


def blockers(
    settings: FinetuneSettings, mode: Mode, rank: ProcessRank | None, environ: Mapping[str, str] = os.environ
) -> list[CliError]:
    """What keeps these settings from being trained by the processes of a launcher, or by one alone."""
    runtime = settings.runtime
    found: list[CliError] = []
    sharding = sharding_of(runtime, environ)
    if sharding == "fsdp2":
        found += _not_sharded(settings, mode)
    if runtime.deepspeed is not None:
        found += deepspeed.blockers(runtime.deepspeed)
        if rank is None:
            found.append(UsageError("--deepspeed needs several processes.", f"{_LAUNCH} --deepspeed FILE"))
    elif environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() == "true":
        found.append(
            UsageError(
                "accelerate launch was started with --use_deepspeed.",
                "Omit it, and give its file to coma: --deepspeed FILE",
            )
        )
    if rank is not None and runtime.auto_batch:
        found.append(
            UsageError(
                "--auto-batch works with one process: several can't halve their batches in the middle of a step.",
                "Omit it, and choose a smaller --batch-size with more --gradient-accumulation-steps.",
            )
        )
    return found


def _not_sharded(settings: FinetuneSettings, mode: Mode) -> list[CliError]:
    whole = "--sharding none"
    if settings.runtime.deepspeed is not None:
        return [UsageError("--sharding fsdp2 and --deepspeed exclude each other.", "Give one of them.")]
    if mode.eight_bit:
        return [UsageError("--sharding fsdp2 can't shard weights of 8 bits.", f"--qlora, --lora, or {whole}")]
    if not mode.adapter and settings.optimizer.name != "adamw":
        name = settings.optimizer.name
        return [UsageError(f"--sharding fsdp2 can't shard the moments of {name}.", f"--optimizer adamw, or {whole}")]
    if mode.four_bit and settings.lora.dora:
        return [UsageError("--dora needs whole weights of the base of --qlora.", f"{whole}, or --no-dora")]
    return []


def notes(settings: FinetuneSettings, rank: ProcessRank | None) -> list[str]:
    """What is worth knowing of the processes before the first step."""
    if rank is None:
        if settings.runtime.sharding == "fsdp2" and settings.runtime.for_device is None:
            return ["Warning: --sharding fsdp2 does nothing in one process; see torchrun and accelerate launch."]
        return []
    rows = settings.batch.rows_per_step
    found = [f"{rank.world} processes share the {rows} rows of each step."]
    if rows < rank.world:
        found.append(f"Warning: {rank.world - rows} of them have no rows: raise --batch-size.")
    return found
