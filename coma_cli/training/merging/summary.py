"""What a merge made, how well the result agrees with base and adapter, and when that is not well enough."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.training.merging.figures import MergeFigures
from coma_cli.training.merging.planning import PUBLISHED
from coma_cli.training.merging.settings import VerificationBlock
from coma_cli.training.merging.steps import MODEL, MergeJob

# In float32 nothing but the order of sums differs. In 16 bits, what rounding the unmerged model does is the measure.
LOGIT_LIMIT = 1e-4
KL_LIMIT, ROUNDINGS = 1e-3, 2.0
AGREEMENT_LIMIT = 0.99


class ComparedBase(BaseModel):
    """Which base the adapter was on."""

    base: str


class Comparison(MergeFigures, ComparedBase):
    """The merged model against an adapter on one base, over all positions of the probes."""


class MergeLimits(BaseModel):
    """The figures at which a merge fails; None for those that don't count."""

    max_logit_difference: float | None
    max_kl_divergence: float | None
    min_greedy_agreement: float | None


class MergedModel(BaseModel):
    """What was merged, and what it was compared on."""

    base: str
    adapter: str
    merged_into: str
    dtype: str
    parameters: int
    probes: int


class MergeSummary(MergeFigures, MergedModel):
    """What `coma merge-lora --json` prints; `other_base` compares with the adapter on the other base, if there are two.

    There are after training on fewer bits.
    """

    limits: MergeLimits
    other_base: Comparison | None
    template: str | None
    gguf: list[dict[str, Any]] = []
    output: str

    def facts(self) -> dict[str, Any]:
        """What the manifest keeps of the verification."""
        names = {*Comparison.model_fields, "limits", "other_base", "merged_into", "gguf"} - {"base"}
        return {"verification": self.model_dump(mode="json", include=names)}


def summarize(job: MergeJob) -> MergeSummary:
    """The summary of a merge whose steps are all done."""
    plan = job.plan
    assert plan.adapter is not None and plan.base is not None
    rows = list(job.rows().rows())
    found, *others = [_over([row for row in rows if row.base == base], base) for base in plan.compared]
    return MergeSummary(
        **{**found.model_dump(), "base": plan.base.name},
        adapter=str(plan.adapter.folder),
        merged_into="the published base" if plan.onto == PUBLISHED else f"the base in {plan.onto}, as trained on",
        dtype=plan.dtype,
        parameters=_parameters(job.run.path / MODEL),
        probes=plan.probes,
        limits=limits_of(job.settings.verification, found, half=job.half),
        other_base=others[0] if others else None,
        template=job.template.name if job.template else None,
        output=str(job.run.path / MODEL),
    )


def _over(rows: Sequence[MergeFigures], base: str) -> Comparison:
    """All probes together."""
    return Comparison(base=base, **MergeFigures.over(rows).model_dump())


def limits_of(asked: VerificationBlock, found: Comparison, *, half: bool) -> MergeLimits:
    """The limits as set, else those of the dtype."""
    rounding = max(KL_LIMIT, ROUNDINGS * (found.rounded_kl_divergence or 0.0))
    return MergeLimits(
        max_logit_difference=asked.max_logit_difference or (None if half else LOGIT_LIMIT),
        max_kl_divergence=asked.max_kl_divergence or (rounding if half else None),
        min_greedy_agreement=(AGREEMENT_LIMIT if half else None)
        if asked.min_greedy_agreement is None
        else asked.min_greedy_agreement,
    )


def check_limits(summary: MergeSummary) -> None:
    """Fail if a figure is beyond its limit; all figures are in the message.

    Raises:
        CliError: the merged model does not compute what base and adapter do.
    """
    limits = summary.limits
    beyond = []
    if limits.max_logit_difference is not None and not summary.max_logit_difference <= limits.max_logit_difference:
        beyond.append("max_logit_difference")
    if limits.max_kl_divergence is not None and not summary.kl_divergence <= limits.max_kl_divergence:
        beyond.append("max_kl_divergence")
    if limits.min_greedy_agreement is not None and not summary.greedy_agreement >= limits.min_greedy_agreement:
        beyond.append("min_greedy_agreement")
    if not beyond:
        return
    allowed = ", ".join(f"{name} {getattr(limits, name):.4g}" for name in beyond)
    rounded = summary.rounded_kl_divergence
    compared = "" if rounded is None else f" ({rounded:.3g} for base and adapter in {summary.dtype}, not merged)"
    other = "" if summary.dtype == "float32" else "Merge in --dtype float32, or "
    raise CliError(
        f"The merged model differs from base and adapter: by up to {summary.max_logit_difference:.3g} in a logit (the "
        f"adapter itself changes up to {summary.max_adapter_effect:.3g}), KL divergence {summary.kl_divergence:.3g}"
        f"{compared}, the same most likely token at {100 * summary.greedy_agreement:.2f} % of {summary.positions:,} "
        f"positions. Limit: {allowed}.",
        f"{other}--set verification.{beyond[0]}=VALUE to accept it",
    )


def _parameters(folder: Path) -> int:
    from math import prod

    from coma_cli.models.safetensors_header import tensor_shapes

    return sum(prod(shape) for file in folder.glob("*.safetensors") for shape in tensor_shapes(file).values())


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    return (
        f"a whole model, logits within {summary['max_logit_difference']:.1e} of base and adapter, "
        f"{100 * summary['greedy_agreement']:.2f} % of greedy choices equal"
    )


def show(summary: Mapping[str, Any]) -> None:
    """The summary as a table on stdout."""
    console.print_values(f"Merged {summary['base']}", summary)
