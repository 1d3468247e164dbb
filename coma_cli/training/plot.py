"""The plot of a tuning run: its losses above, its learning rate below, by step.

It is drawn from `metrics.jsonl` at the end of a run, and again when more steps extend it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coma_cli.plotting import new_figure, open_frame, save_png
from coma_cli.training.metrics import TrainingStep, best_of, in_order

PLOT = "loss.png"
_TRAIN, _VALIDATION, _RATE = "#30638e", "#d1495b", "#5b8e7d"
_FEWEST_SMOOTHED = 20  # steps; below, the losses themselves are readable
_SHARE_SMOOTHED = 50  # a window is this part of the run


def draw(rows: Sequence[TrainingStep], title: str, path: Path) -> None:
    """Write the plot of a run with at least one step as PNG."""
    steps = in_order(rows)
    figure = new_figure(8, 6, dpi=120)
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _losses(losses, steps)
    rates.plot([row.step for row in steps], [row.learning_rate for row in steps], color=_RATE, **_marks(steps))
    rates.set(xlabel="step", ylabel="learning rate")
    rates.set_ylim(bottom=0)
    rates.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    for axes in (losses, rates):
        open_frame(axes)
        axes.grid(visible=True, alpha=0.3)
    losses.set_title(title, loc="left", fontsize=11)
    save_png(figure, path)


def _losses(axes: Any, steps: Sequence[TrainingStep]) -> None:
    numbers, values = [row.step for row in steps], [row.loss for row in steps]
    if len(steps) < _FEWEST_SMOOTHED:
        axes.plot(numbers, values, color=_TRAIN, label="training", **_marks(steps))
    else:
        axes.plot(numbers, values, color=_TRAIN, alpha=0.25, linewidth=0.8)
        window = max(5, len(steps) // _SHARE_SMOOTHED)
        axes.plot(numbers, smoothed(values, window), color=_TRAIN, label=f"training, mean of {window} steps")
    validated = [(row.step, row.validation_loss) for row in steps if row.validation_loss is not None]
    best = best_of(steps)
    if validated and best is not None:
        axes.plot(*zip(*validated, strict=True), color=_VALIDATION, marker="o", markersize=4, label="validation")
        label = f"lowest: {best.loss:.4f} at step {best.step}"
        axes.plot([best.step], [best.loss], "*", color=_VALIDATION, markersize=13, label=label)
    axes.set_ylabel("loss per answer token")
    axes.legend(frameon=False)


def _marks(steps: Sequence[TrainingStep]) -> dict[str, Any]:
    """Few steps are drawn as points too: a line of one step would be invisible."""
    return {"marker": "o", "markersize": 3} if len(steps) < _FEWEST_SMOOTHED else {}


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and those before it, at most `window` in total."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    starts = [max(0, place - window) for place in range(1, len(sums))]
    return [(sums[end] - sums[start]) / (end - start) for end, start in enumerate(starts, 1)]
