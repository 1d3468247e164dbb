"""Estimates what a training run will take, from the base's shape alone: parameters, memory, disk, time.

Import is cheap; nothing is loaded.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.catalog.bases.entry import Architecture
from coma_cli.jsonl import read_json
from coma_cli.models.description import configuration
from coma_cli.models.resolution import QWEN_OF_2023, ResolvedBase
from coma_cli.training.devices import AcceleratorDevice
from coma_cli.training.memory import (
    AdapterShape,
    Arithmetic,
    MemoryParts,
    StepShape,
    memory_of,
    trainable_parameters,
)
from coma_cli.training.modes import Mode
from coma_cli.training.optimizers import optimizer_for
from coma_cli.training.settings import ALL_LINEAR, FinetuneSettings

CHARACTERS_PER_TOKEN = 3.2  # code in byte-pair vocabularies of 32,000 to 152,000 tokens: 2.8 to 3.6
CHECKPOINTING_FROM_PARAMETERS = 1_000_000_000
MODEL_FLOPS_SHARE = 0.35  # of a GPU's peak that training of 7B models with short rows reaches; 0.3 to 0.5 is usual
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Workplace:
    """Where training will be: the CPU of this machine, its GPU, or a named device; `width` as in `Arithmetic`."""

    title: str
    arithmetic: Arithmetic
    device: AcceleratorDevice | None = None

    @property
    def count(self) -> int:
        """How many devices there are."""
        return self.device.count if self.device else 1


@dataclass(frozen=True)
class TrainingEstimate:
    """Parameters, bytes and, where the speed of the device is known, minutes."""

    parameters: int
    trainable: int
    memory: MemoryParts
    disk_bytes: float
    minutes: float | None
    workplace: Workplace
    assumptions: str

    @property
    def memory_gb(self) -> float:
        """The peak on each device."""
        return self.memory.total / _GIGABYTE

    def shown(self) -> dict[str, Any]:
        """As a plan prints it."""
        parts = {
            "weights": self.memory.weights,
            "optimizer": self.memory.optimizer,
            "gradients": self.memory.gradients,
            "activations": self.memory.activations,
        }
        minutes = {} if self.minutes is None else {"minutes_about": round(self.minutes, 1)}
        return {
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "device": self.workplace.title,
            "memory_gb": round(self.memory_gb, 2),
            **{f"of_that_{name}_gb": round(size / _GIGABYTE, 2) for name, size in parts.items()},
            "assumed": self.assumptions,
            "disk_gb": round(self.disk_bytes / _GIGABYTE, 2),
            **minutes,
        }


def architecture_of(resolved: ResolvedBase) -> Architecture | None:
    """The base's shape, from the catalogue or from its configuration; None if it is in neither."""
    if resolved.entry is not None:
        return resolved.entry.architecture
    config = configuration(resolved)
    of_2023 = config.get("model_type") == QWEN_OF_2023  # its intermediate size counts gate and up
    try:
        return Architecture(
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            kv_heads=config.get("num_key_value_heads") or config["num_attention_heads"],
            intermediate=config["intermediate_size"] // (2 if of_2023 else 1),
            vocabulary=config["vocab_size"],
            tied=bool(config.get("tie_word_embeddings")),
            attention_bias=bool(config.get("attention_bias")) or config.get("model_type") in ("qwen2", QWEN_OF_2023),
        )
    except (KeyError, TypeError):
        return None


def estimate(
    settings: FinetuneSettings, mode: Mode, shape: Architecture, tokens: int, step: StepShape, workplace: Workplace
) -> TrainingEstimate:
    """What training takes; `tokens` counts every row as often as it is seen, `step` is the largest batch."""
    on_cpu = workplace.arithmetic.on_cpu
    optimizer, _ = optimizer_for(settings.optimizer.name, on_cpu=on_cpu)
    adapter = _adapter_shape(settings, shape)
    recomputed = recomputes(settings, shape.parameters, on_cpu=on_cpu)
    trainable = trainable_parameters(shape, mode, adapter)
    memory = memory_of(
        shape, mode, adapter, optimizer, step, workplace.arithmetic, recomputed=recomputed, devices=workplace.count
    )
    kept = settings.runtime.save_total_limit + 1 + settings.validation.keep_best  # one more while it is written
    output = 4.0 * trainable if mode.adapter else 2.0 * shape.parameters
    return TrainingEstimate(
        parameters=shape.parameters,
        trainable=trainable,
        memory=memory,
        disk_bytes=kept * (4.0 + optimizer.moment_bytes) * trainable + output,
        minutes=_minutes(mode, shape, tokens, workplace, recomputed=recomputed),
        workplace=workplace,
        assumptions=_assumptions(settings, step, workplace, recomputed=recomputed),
    )


def counted_layout(settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase) -> dict[str, str]:
    """For an adapter on a base that is converted first: that its parameters are counted after the conversion."""
    shape = architecture_of(resolved)
    if shape is None or not mode.adapter or not _is_converted(resolved):
        return {}
    adapter = _adapter_shape(settings, shape)
    original = shape.fused_lora_parameters(adapter.rank, adapter.targets)
    before = "" if original is None else f"; {original:,} in the original layout, where they are one"
    return {"counted_in": f"the converted layout, in which q, k and v are layers of their own{before}"}


def _is_converted(resolved: ResolvedBase) -> bool:
    if resolved.entry is not None:
        return resolved.entry.layout == QWEN_OF_2023
    config = Path(resolved.path_or_id) / "config.json"
    return resolved.kind == "folder" and read_json(config).get("model_type") == QWEN_OF_2023


def _adapter_shape(settings: FinetuneSettings, shape: Architecture) -> AdapterShape:
    named = settings.lora.target_modules
    targets = None if not named or named == [ALL_LINEAR] else tuple(named)
    del shape
    return AdapterShape(settings.lora.r, settings.lora.dropout > 0, targets)


def recomputes(settings: FinetuneSettings, parameters: int, *, on_cpu: bool) -> bool:
    """Whether activations are computed again in the backward pass: as set, else for large models on a GPU."""
    wanted = settings.runtime.gradient_checkpointing
    return not on_cpu and parameters >= CHECKPOINTING_FROM_PARAMETERS if wanted is None else wanted


def _assumptions(settings: FinetuneSettings, step: StepShape, workplace: Workplace, *, recomputed: bool) -> str:
    parts = [
        f"a batch of {step.positions:,} tokens, {step.labels:,} of them answer",
        f"{8 * workplace.arithmetic.width}-bit computation",
        "recomputed activations" if recomputed else "kept activations",
        f"{settings.optimizer.name}",
    ]
    if workplace.count > 1:
        parts.append(f"{workplace.count} devices: full tuning sharded, adapters copied")
    return "; ".join(parts)


def _minutes(mode: Mode, shape: Architecture, tokens: int, workplace: Workplace, *, recomputed: bool) -> float | None:
    passes = (4 if mode.adapter else 6) + (2 if recomputed else 0)  # a frozen weight needs no gradient
    work = float(passes * shape.parameters * tokens)
    if workplace.arithmetic.on_cpu:
        return work / cpu_flops() / 60
    if workplace.device is None:
        return None
    return work / (workplace.device.teraflops * 1e12 * MODEL_FLOPS_SHARE * workplace.count) / 60


def cpu_flops() -> float:
    """Floating point operations per second that this machine reaches in training: 0.6 of a large float32 product."""
    import numpy

    a = numpy.ones((768, 768), dtype=numpy.float32)
    a @ a  # the first product also starts the threads
    began = time.perf_counter()
    a @ a
    return float(0.6 * 2 * 768**3 / max(time.perf_counter() - began, 1e-6))
