"""Whether a merged model, read back from disk, computes what base and adapter did: compared logit by logit.

Base and adapter read the probes, and so does the merged model. At every position their logits are compared: the largest
difference, the KL divergence of the merged model's distribution from theirs, and whether the most likely token is the
same. A merge that rounds to 16 bits is judged by what the same rounding does to the unmerged model: base and adapter
are also run in that dtype, and their divergence from float32 is stored beside. Import inside functions: it needs the
train extra.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from coma_cli.jsonl import read_json, write_json
from coma_cli.prompting import PromptTemplate, Tokenizer, encode_answer, encode_prompt
from coma_cli.records import Record
from coma_cli.training.merging.adapted import widened
from coma_cli.training.merging.figures import MergeFigures
from coma_cli.training.merging.probes import Probe
from coma_cli.training.merging.shard_file import ShardFile


class ProbeOfBase(Record):
    """A probe by its number, and the base that the adapter was on: as `published`, or as it was rounded."""

    base: str
    probe: int


class ProbeRow(MergeFigures, ProbeOfBase):
    """One probe's comparison with base and adapter."""

    @property
    def key(self) -> str:
        return f"{self.base}/{self.probe:02d}"


@dataclass(frozen=True)
class LogitGap:
    """Largest and mean absolute difference of two sets of logits."""

    largest: float
    mean: float


@dataclass(frozen=True)
class Difference:
    """How two sets of logits differ; mean KL divergence, and the share of positions with the same most likely token."""

    gap: LogitGap
    divergence: float
    agreement: float


def gap_of(expected: torch.Tensor, found: torch.Tensor) -> LogitGap:
    """The gap between logits of shape (positions, vocabulary)."""
    apart = (found - expected).abs_()
    return LogitGap(float(apart.max()), float(apart.mean(dtype=torch.float64)))


def difference(expected: torch.Tensor, found: torch.Tensor) -> Difference:
    """How `found` differs from `expected`, both of shape (positions, vocabulary) in float32."""
    trained, other = torch.log_softmax(expected, dim=-1), torch.log_softmax(found, dim=-1)
    each = trained.exp().mul_(trained - other).sum(dim=-1)
    equal = expected.argmax(dim=-1) == found.argmax(dim=-1)
    divergence = max(0.0, float(each.mean(dtype=torch.float64)))
    return Difference(gap_of(expected, found), divergence, float(equal.float().mean()))


@dataclass(frozen=True)
class Reference:
    """What base and adapter compute for a probe: ids (positions), logits (positions, vocabulary) in float32.

    `effect` is the gap to the base alone, `rounded` the KL divergence of base and adapter run in 16 bits, if measured.
    """

    ids: torch.Tensor
    logits: torch.Tensor
    effect: LogitGap
    rounded: float | None

    def save_logits(self, path: Path) -> None:
        """Write the tensors, completely or not at all."""
        tensors = {"ids": self.ids, "logits": self.logits}
        with ShardFile(path, {name: (value.dtype, tuple(value.shape)) for name, value in tensors.items()}) as made:
            for name, value in tensors.items():
                made.add(name, value)

    def complete(self, path: Path) -> None:
        """Write the rest, which makes the reference complete."""
        write_json(path.with_suffix(".json"), {"effect": vars(self.effect), "rounded": self.rounded})

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """What was saved."""
        others = read_json(path.with_suffix(".json"))
        ids, logits = load_logits(path)
        return cls(ids, logits, LogitGap(**others["effect"]), others["rounded"])

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether a complete one is there; the description is written last."""
        return path.with_suffix(".json").is_file()


def load_logits(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids (positions) and logits (positions, vocabulary) that a reference saved."""
    with safe_open(path, framework="pt") as handle:
        return handle.get_tensor("ids"), handle.get_tensor("logits")


def probe_ids(template: PromptTemplate, tokenizer: Tokenizer, probes: Sequence[Probe]) -> list[torch.Tensor]:
    """Token ids (positions) of each probe, request and answer as the template has them."""
    return [
        torch.tensor(
            [
                *encode_prompt(template, tokenizer, probe.instruction, probe.given),
                *encode_answer(template, tokenizer, probe.answer),
            ]
        )
        for probe in probes
    ]


def refer(model: Any, ids: torch.Tensor, wide: torch.dtype) -> Reference:
    """What base and adapter compute for a probe, and what the base computes alone."""
    logits = logits_of(model, ids, wide)
    with model.disable_adapter():
        effect = gap_of(logits, logits_of(model, ids, wide))
    return Reference(ids, logits, effect, None)


def logits_of(model: Any, ids: torch.Tensor, wide: torch.dtype | None) -> torch.Tensor:
    """Logits (positions, vocabulary) in float32 on the CPU; computed in `wide`, or as stored if that is None."""
    with torch.inference_mode(), contextlib.nullcontext() if wide is None else widened(model, wide):
        return _forward(model, ids)


def _forward(model: Any, ids: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = model(input_ids=ids[None].to(model.device), use_cache=False).logits[0].float().cpu()
    return logits


def compare(model: Any, reference: Reference, base: str, number: int, wide: torch.dtype) -> ProbeRow:
    """The merged model's logits on a probe, compared with those of base and adapter."""
    found = difference(reference.logits, logits_of(model, reference.ids, wide))
    return ProbeRow(
        base=base,
        probe=number,
        positions=len(reference.ids),
        max_logit_difference=found.gap.largest,
        mean_logit_difference=found.gap.mean,
        kl_divergence=found.divergence,
        greedy_agreement=found.agreement,
        rounded_kl_divergence=reference.rounded,
        max_adapter_effect=reference.effect.largest,
        mean_adapter_effect=reference.effect.mean,
    )
