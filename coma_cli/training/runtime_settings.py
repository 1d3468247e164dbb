"""The settings of finetune that say how the work is done: devices, checkpoints, memory. They are not part of a run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from coma_cli.settings import AllowPickle, Device, Flag, Kind, Runtime, TrustRemoteCode, Unset
from coma_cli.training.devices import DEVICES
from coma_cli.training.reporting.settings import LoggingSteps, ReportTo

MACHINE = "Execution"


class FinetuneRuntime(Runtime):
    """How training runs on this machine."""

    device: Annotated[Device, Flag("--device", panel=MACHINE)] = "auto"
    save_steps: Annotated[int | None, Unset("a twentieth of the run, at most 50")] = Field(
        default=None, ge=1, description="Steps between checkpoints"
    )
    saves_per_epoch: float | None = Field(
        default=None, gt=0, description="Checkpoints per epoch, instead of save_steps"
    )
    save_total_limit: int = Field(default=1, ge=1, description="Checkpoints to keep, beside that of the best step")
    auto_batch: Annotated[bool, Flag("--auto-batch", panel=MACHINE)] = Field(
        default=False,
        description="When memory runs out, halve the batch size and double the accumulation: the same rows per step",
    )
    deterministic: Annotated[bool, Flag("--deterministic", panel=MACHINE)] = Field(
        default=False,
        description="Same bits after a restart on a GPU too, by slower kernels (on a CPU they are the same anyway)",
    )
    sharding: Annotated[Literal["none", "fsdp2"], Flag("--sharding", panel=MACHINE)] = Field(
        default="none",
        description="With several processes (torchrun, accelerate launch): each has all weights, or a part of them "
        "(FSDP2)",
    )
    deepspeed: Annotated[Path | None, Flag("--deepspeed", panel=MACHINE), Kind("FILE"), Unset("not used")] = Field(
        default=None, description="With several processes: a configuration of DeepSpeed, which is passed on to it"
    )
    for_device: Annotated[
        str | None,
        Flag("--for-device", panel=MACHINE, complete=lambda _: DEVICES),
        Kind("NAME|NxNAME"),
        Unset("this machine"),
    ] = Field(default=None, description=f"With --dry-run: the device to estimate for ({', '.join(DEVICES)})")
    report_to: ReportTo = Field(default_factory=list)
    logging_steps: LoggingSteps = None
    gradient_checkpointing: Annotated[bool | None, Unset("on a GPU, from 1B parameters on")] = Field(
        default=None, description="Recompute activations in the backward pass to save memory"
    )
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MACHINE)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MACHINE)] = False
