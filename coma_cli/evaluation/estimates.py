"""pass@k as a record in summaries."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from coma_cli.evaluation.pass_at_k import PassAtK
from coma_cli.words import count_of

DEFAULT_KS = (1, 10, 100)


class Estimate(BaseModel):
    """pass@k of one table; `value` is None if `undefined_problems` problems have fewer than k samples."""

    model_config = ConfigDict(frozen=True)

    value: float | None
    ci95: tuple[float, float] | None
    method: Literal["bootstrap", "exact"] | None
    undefined_problems: int
    sampling_share: float | None

    @classmethod
    def of(cls, result: PassAtK) -> "Estimate":
        """The result as a record."""
        return cls(
            value=result.value,
            ci95=result.interval,
            method=result.method,
            undefined_problems=result.undefined,
            sampling_share=result.sampling_share,
        )


def cells(estimate: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, interval and sampling share as text for tables."""
    if estimate["value"] is None:
        problems = count_of(estimate["undefined_problems"], "problem has", "problems have")
        return "not defined", f"{problems} fewer samples", ""
    low, high = estimate["ci95"]
    share = estimate["sampling_share"]
    exact = ", exact" if estimate["method"] == "exact" else ""
    return (
        f"{100 * estimate['value']:.2f} %",
        f"{100 * low:.2f} to {100 * high:.2f} %{exact}",
        "" if share is None else f"{100 * share:.0f} %",
    )
