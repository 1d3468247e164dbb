"""Whether a merged model, read back from disk, answers as base and adapter did: compared logit by logit.

For each probe, base and adapter (in four bits if trained so) write a greedy answer; they and the merged model then read
prompt and answer, and their logits are compared at every position. Computed in float32, so the differences are those of
the weights, not noise of the arithmetic. Import inside functions: it needs the train extra.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from coma_cli.prompting import PromptTemplate, encode_prompt, stop_token_ids
from coma_cli.records import Record

# Short requests of different kinds; written for this purpose.
PROBES: tuple[tuple[str, str], ...] = (
    ("Write a Python function that returns the largest of three numbers.", ""),
    ("Explain in one sentence what this code does.", "def f(xs):\n    return [x for x in xs if x % 2 == 0]\n"),
    ("Complete the function.", "def is_palindrome(text: str) -> bool:\n"),
    ("Which command lists the files of a folder by time?", ""),
    ("用一句话说明什么是递归。", ""),
    ("Translate this statement into Java.", "print('Hello, world')"),
    ("Find the mistake.", "for i in range(10)\n    print(i)"),
    ("Name three sorting algorithms and the order of their running time.", ""),
)


class ProbeRow(Record):
    """One probe's comparison. Differences are of logits; `adapter_effect` is what the adapter itself changes."""

    probe: int
    prompt_tokens: int
    answer_tokens: int
    max_logit_difference: float
    mean_logit_difference: float
    kl_divergence: float
    greedy_agreement: float
    max_adapter_effect: float
    mean_adapter_effect: float

    @property
    def key(self) -> str:
        return str(self.probe)


@dataclass(frozen=True)
class Reference:
    """What base and adapter do with a probe: ids (positions), and logits (positions, vocabulary).

    `base_logits` are those of the base without the adapter: the difference is the adapter's effect.
    """

    ids: torch.Tensor
    prompt_tokens: int
    logits: torch.Tensor
    base_logits: torch.Tensor

    def save(self, path: Path) -> None:
        """Write it for the comparison, completely or not at all."""
        tensors = {"ids": self.ids, "logits": self.logits, "base_logits": self.base_logits}
        temporary = path.with_suffix(".part")
        save_file(tensors, temporary, metadata={"prompt_tokens": str(self.prompt_tokens)})
        temporary.rename(path)

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """What `save` wrote."""
        from safetensors import safe_open

        with safe_open(path, framework="pt") as handle:
            prompt_tokens = int(handle.metadata()["prompt_tokens"])
        return cls(prompt_tokens=prompt_tokens, **load_file(path))


def probe_prompts(template: PromptTemplate, tokenizer: Any, count: int) -> list[list[int]]:
    """Token ids of the first `count` probes."""
    return [encode_prompt(template, tokenizer, instruction, given) for instruction, given in PROBES[:count]]


def refer(model: Any, prompt: list[int], template: PromptTemplate, tokenizer: Any, new_tokens: int) -> Reference:
    """The greedy answer of base and adapter to a probe, and the logits of all of it, with and without the adapter."""
    stops = list(stop_token_ids(template, tokenizer)) or None
    ids = torch.tensor([prompt], device=model.device)
    generated = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new_tokens,
        do_sample=False,
        eos_token_id=stops,
        pad_token_id=stops[0] if stops else 0,
    )
    logits = _logits(model, generated)
    with model.disable_adapter():
        base_logits = _logits(model, generated)
    return Reference(generated[0].cpu(), len(prompt), logits, base_logits)


def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits[0].float().cpu()
    return logits


def compare(model: Any, reference: Reference, number: int) -> ProbeRow:
    """The merged model's logits on what base and adapter read and wrote, compared with theirs."""
    merged = _logits(model, reference.ids[None].to(model.device))
    return row_of(number, reference, merged)


def row_of(number: int, reference: Reference, merged: torch.Tensor) -> ProbeRow:
    """Differences between two sets of logits (positions, vocabulary) and the share of equal greedy choices.

    The greedy choices are those of the answer: at each of its positions, whether the merged model would write the
    token that base and adapter wrote.
    """
    difference = (merged - reference.logits).abs()
    effect = (reference.logits - reference.base_logits).abs()
    wrote = reference.ids[reference.prompt_tokens :]
    would_write = merged[reference.prompt_tokens - 1 : -1].argmax(dim=-1)
    trained = torch.log_softmax(reference.logits, dim=-1)
    divergence = (trained.exp() * (trained - torch.log_softmax(merged, dim=-1))).sum(dim=-1)
    return ProbeRow(
        probe=number,
        prompt_tokens=reference.prompt_tokens,
        answer_tokens=len(wrote),
        max_logit_difference=float(difference.max()),
        mean_logit_difference=float(difference.mean()),
        kl_divergence=max(0.0, float(divergence.mean())),
        greedy_agreement=float((would_write == wrote).float().mean()),
        max_adapter_effect=float(effect.max()),
        mean_adapter_effect=float(effect.mean()),
    )
