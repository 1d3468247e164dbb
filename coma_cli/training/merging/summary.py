"""What a merge made and how well the result agrees with base and adapter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.jsonl import read_json
from coma_cli.training.merging.steps import LIMITS, MODEL, VERIFICATION, MergeJob, exactness_file


class MergeSummary(BaseModel):
    """What `coma merge-lora --json` prints."""

    base: str
    adapter: str
    merged_into: str
    dtype: str
    parameters: int
    probes: int
    max_logit_difference: float
    max_logit_difference_before_rounding: float
    mean_logit_difference: float
    kl_divergence: float
    greedy_agreement: float
    max_adapter_effect: float
    mean_adapter_effect: float
    limit: float | None
    template: str | None
    output: str


def summarize(job: MergeJob) -> MergeSummary:
    """The summary of a merge whose steps are all done."""
    from coma_cli.training.merging.verification import ProbeRow

    plan, settings, template = job.plan, job.settings, job.template
    assert plan.adapter is not None and plan.base is not None
    rows = list(job.run.journal(VERIFICATION, ProbeRow).rows())
    tokens = sum(row.answer_tokens for row in rows)
    onto_four_bit = job.four_bit and settings.onto == "trained"
    return MergeSummary(
        base=plan.base.name,
        adapter=str(plan.adapter.folder),
        merged_into="the base in 4 bits, as trained on" if onto_four_bit else "the published base",
        dtype=plan.dtype,
        parameters=_parameters(job.run.path / MODEL),
        probes=len(rows),
        max_logit_difference=max(row.max_logit_difference for row in rows),
        max_logit_difference_before_rounding=float(read_json(exactness_file(job.run))),
        mean_logit_difference=sum(row.mean_logit_difference for row in rows) / len(rows),
        kl_divergence=sum(row.kl_divergence for row in rows) / len(rows),
        greedy_agreement=sum(row.greedy_agreement * row.answer_tokens for row in rows) / tokens,
        max_adapter_effect=max(row.max_adapter_effect for row in rows),
        mean_adapter_effect=sum(row.mean_adapter_effect for row in rows) / len(rows),
        limit=_limit(job),
        template=template.name if template else None,
        output=str(job.run.path / MODEL),
    )


def _limit(job: MergeJob) -> float | None:
    """The difference above which a merge fails; None if another function than the trained one was requested."""
    if job.settings.verification.max_logit_difference is not None:
        return job.settings.verification.max_logit_difference
    return None if job.settings.onto == "published" and job.four_bit else LIMITS[job.plan.dtype]


def _parameters(folder: Path) -> int:
    from math import prod

    from coma_cli.models.safetensors_header import tensor_shapes

    return sum(prod(shape) for file in folder.glob("*.safetensors") for shape in tensor_shapes(file).values())


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    return f"a whole model, logits within {summary['max_logit_difference']:.1e} of base and adapter"


def show(summary: Mapping[str, Any]) -> None:
    """The summary as a table on stdout."""
    console.print_values(f"Merged {summary['base']}", summary)
