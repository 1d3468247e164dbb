"""How far a merged model is from base and adapter: the figures that a probe, all probes and the summary share."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel


class MergeFigures(BaseModel):
    """The merged model against base and adapter. Differences are of logits; means are over positions.

    `kl_divergence` is that of the merged model's distribution from theirs, `greedy_agreement` the share of positions
    with the same most likely token. `rounded_kl_divergence` is that of base and adapter run in the dtype of the merge,
    None for float32. The adapter's effect is what it changes of its base alone.
    """

    positions: int
    max_logit_difference: float
    mean_logit_difference: float
    kl_divergence: float
    greedy_agreement: float
    rounded_kl_divergence: float | None
    max_adapter_effect: float
    mean_adapter_effect: float

    @classmethod
    def over(cls, parts: Sequence["MergeFigures"]) -> Self:
        """Those of several texts together: the largest of maxima, and means that weigh each position the same."""
        positions = sum(part.positions for part in parts)

        def together(name: str) -> float | None:
            values = [getattr(part, name) for part in parts]
            if None in values:
                return None
            if name.startswith("max_"):
                return float(max(values))
            weighed = zip(values, parts, strict=True)
            return float(sum(value * part.positions for value, part in weighed) / positions)

        names = [name for name in MergeFigures.model_fields if name != "positions"]
        return cls.model_validate({"positions": positions, **{name: together(name) for name in names}})
