"""Estimates what a training run will take, from the base's shape alone: parameters, memory, time.

Import is cheap; nothing is loaded.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.catalog.bases.entry import Architecture
from coma_cli.jsonl import read_json
from coma_cli.models.resolution import QWEN_OF_2023, ResolvedBase
from coma_cli.training.modes import Mode
from coma_cli.training.settings import FinetuneSettings

CHARACTERS_PER_TOKEN = 3.2  # code in byte-pair vocabularies of 32,000 to 152,000 tokens: 2.8 to 3.6
FOUR_BIT_BYTES = 0.5 + 0.127 / 8  # NF4 and its doubly quantized constants (arXiv 2305.14314, section 3)
ADAMW_BYTES = 16  # float32 weight, gradient and two moments
_GIGABYTE = 1e9


@dataclass(frozen=True)
class TrainingEstimate:
    """Parameters, gigabytes and, on a CPU, minutes."""

    parameters: int
    trainable: int
    weights_gb: float
    optimizer_gb: float
    activations_gb: float
    cpu_minutes: float | None

    @property
    def memory_gb(self) -> float:
        """The total."""
        return self.weights_gb + self.optimizer_gb + self.activations_gb

    def shown(self) -> dict[str, Any]:
        """As a plan prints it."""
        minutes = {} if self.cpu_minutes is None else {"cpu_minutes": round(self.cpu_minutes, 1)}
        return {
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "memory_gb": round(self.memory_gb, 2),
            "of_that_weights_gb": round(self.weights_gb, 2),
            "of_that_optimizer_gb": round(self.optimizer_gb, 2),
            "of_that_activations_gb": round(self.activations_gb, 2),
            **minutes,
        }


def architecture_of(resolved: ResolvedBase) -> Architecture | None:
    """The base's shape, from the catalogue or from its folder's configuration; None if it is in neither."""
    if resolved.entry is not None:
        return resolved.entry.architecture
    if resolved.kind != "folder":
        return None
    config = read_json(Path(resolved.path_or_id) / "config.json")
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
    settings: FinetuneSettings, mode: Mode, shape: Architecture, tokens: int, *, on_cpu: bool
) -> TrainingEstimate:
    """What training takes; `tokens` counts every row as often as it is seen."""
    targets = tuple(settings.lora.target_modules) if settings.lora.target_modules else None
    trainable = shape.lora_parameters(settings.lora.r, targets) if mode.adapter else shape.parameters
    stored = 4 if on_cpu or not mode.adapter else 2
    if mode.four_bit:
        rest = shape.parameters - shape.linear_parameters
        weights = shape.linear_parameters * FOUR_BIT_BYTES + rest * stored
    else:
        weights = shape.parameters * stored if mode.adapter else 0.0
    forward_and_back = 4 if mode.adapter else 6  # a frozen weight needs no gradient
    return TrainingEstimate(
        parameters=shape.parameters,
        trainable=trainable,
        weights_gb=weights / _GIGABYTE,
        optimizer_gb=trainable * ADAMW_BYTES / _GIGABYTE,
        activations_gb=_activation_bytes(settings, shape, 4 if on_cpu else 2, on_cpu) / _GIGABYTE,
        cpu_minutes=forward_and_back * shape.parameters * tokens / cpu_flops() / 60 if on_cpu else None,
    )


def _activation_bytes(settings: FinetuneSettings, shape: Architecture, width: int, on_cpu: bool) -> float:
    """Kept activations of a batch of the longest rows: about 10 hidden and 4 inner vectors per block, and the logits.

    With recomputation, one hidden vector per block and one whole block.
    """
    positions = settings.batch.size * settings.max_seq_len
    block = 10 * shape.hidden + 4 * shape.intermediate
    recomputed = settings.runtime.gradient_checkpointing
    if recomputed is None:
        recomputed = not on_cpu and shape.parameters >= 1_000_000_000
    kept = shape.layers * shape.hidden + block if recomputed else shape.layers * block
    return positions * (kept * width + shape.vocabulary * 8)


def cpu_flops() -> float:
    """Floating point operations per second that this machine reaches in training: 0.6 of a large float32 product."""
    import numpy

    a = numpy.ones((768, 768), dtype=numpy.float32)
    a @ a  # the first product also starts the threads
    began = time.perf_counter()
    a @ a
    return float(0.6 * 2 * 768**3 / max(time.perf_counter() - began, 1e-6))
