"""The learning rate of a run that sets none: by the mode and by the size of the base, with the reason.

LoRA wants about ten times the rate of full tuning, at every size (Schulman and Thinking Machines Lab, LoRA Without
Regret, 2025; Biderman et al., arXiv 2405.09673). 1e-3 was among the best of a sweep on SmolLM2-135M
(`tests/benchmarks/_learning_rates.py`, table in docs/recipes.md); large models want less.
"""

from typing import NamedTuple

from coma_cli.models.resolution import ResolvedBase
from coma_cli.training.estimate import architecture_of
from coma_cli.training.modes import MODES, Mode
from coma_cli.training.settings import FinetuneSettings

LOW_LORA_RATE = 5e-5
LARGE_FROM_PARAMETERS = 10_000_000_000  # "8B" models have 7 to 9 billion, the next larger ones 12 or more
_SMALL_RATE, _LARGE_RATE, _FULL_SHARE = 1e-3, 3e-4, 0.1  # of LoRA; full tuning has a tenth of it


class ChosenRate(NamedTuple):
    """A peak learning rate, and why it is that one."""

    value: float
    reason: str


def rate_of(settings: FinetuneSettings, resolved: ResolvedBase) -> ChosenRate:
    """The peak learning rate of a run: the one that is set, else the default for this mode and base."""
    given = settings.optimizer.learning_rate
    if given is not None:
        return ChosenRate(given, "as set")
    shape = architecture_of(resolved)
    return default_rate(MODES[settings.mode], shape.parameters if shape else None)


def default_rate(mode: Mode, parameters: int | None) -> ChosenRate:
    """The default for a mode and a base of that many parameters; None, an unknown number, counts as up to 8B."""
    is_large = parameters is not None and parameters >= LARGE_FROM_PARAMETERS
    rate = _LARGE_RATE if is_large else _SMALL_RATE
    size = "unknown size" if parameters is None else f"{parameters / 1e9:.3g}B parameters"
    if mode.adapter:
        return ChosenRate(rate, f"the default for {mode.name} of a base of {size}")
    return ChosenRate(rate * _FULL_SHARE, f"the default for a base of {size}: a tenth of LoRA's")


def rate_notes(settings: FinetuneSettings, resolved: ResolvedBase) -> list[str]:
    """The learning rate with its reason, and a warning about one that published comparisons found too low for LoRA."""
    rate, reason = rate_of(settings, resolved)
    if not MODES[settings.mode].adapter or rate >= LOW_LORA_RATE:
        return [f"Learning rate: {rate:g} ({reason})."]
    return [
        f"Warning: a learning rate of {rate:g} is low for LoRA. Published comparisons found that LoRA wants about "
        "ten times the rate of full tuning: 1e-4 to 1e-3 (Biderman et al., arXiv 2405.09673; Schulman et al., "
        "LoRA Without Regret, 2025)."
    ]
