"""The plot of pass@k against k: a line with its 95 % band for each protocol and temperature.

It is redrawn from the verdicts on every request and excluded from a run's content hash: different versions of
matplotlib draw different pixels for the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import CliError
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.plotting import new_figure, plot_blocker, save_png

PLOT = "pass_at_k.png"
_POINTS = 24
_RESAMPLES = 2000
_LARGEST_LINEAR = 12  # with more samples, the k axis is logarithmic


@dataclass(frozen=True)
class Curve:
    """pass@k in percent at each of `ks`, with its interval."""

    label: str
    ks: tuple[int, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def blocker() -> CliError | None:
    """Why a plot can't be made here, or None."""
    return plot_blocker("The plot of pass@k")


def curve_of(label: str, tallies: Sequence[Tally], seed: int = 0) -> Curve:
    """pass@k for k from 1 to the smallest number of samples of a problem; for many samples only at some k."""
    ks = points(min(tally.samples for tally in tallies))
    found = [pass_at_k(tallies, k, seed, resamples=_RESAMPLES) for k in ks]
    ends = [(100 * low, 100 * high) for low, high in (result.interval or (0.0, 1.0) for result in found)]
    values = tuple(100 * (result.value or 0.0) for result in found)
    return Curve(label, ks, values, tuple(low for low, _ in ends), tuple(high for _, high in ends))


def points(largest: int) -> tuple[int, ...]:
    """Integers from 1 to `largest`: all if they are few, else some with even ratios."""
    if largest <= _POINTS:
        return tuple(range(1, largest + 1))
    ratio = largest ** (1 / (_POINTS - 1))
    return tuple(sorted({round(ratio**step) for step in range(_POINTS)} | {1, largest}))


def ticks(largest: int) -> list[int]:
    """Where the k axis is labelled, integers all: each k if they are few, else 1, 2, 5, 10, 20 and so on."""
    if largest <= _LARGEST_LINEAR:
        return list(range(1, largest + 1))
    powers = range(len(str(largest)))
    return [step * 10**power for power in powers for step in (1, 2, 5) if step * 10**power <= largest]


def draw(curves: Sequence[Curve], title: str, path: Path) -> None:
    """Write the plot as PNG.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure = new_figure(7, 4.5, dpi=150)
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    axes = figure.add_subplot()
    for number, curve in enumerate(curves):
        color = f"C{number % 10}"
        axes.plot(curve.ks, curve.values, marker="o", markersize=3, color=color, label=curve.label)
        if len(curve.ks) > 1:
            axes.fill_between(curve.ks, curve.low, curve.high, color=color, alpha=0.15, linewidth=0)
        else:
            below, above = curve.values[0] - curve.low[0], curve.high[0] - curve.values[0]
            axes.errorbar(curve.ks, curve.values, yerr=[[below], [above]], color=color, capsize=4)
    largest = max(curve.ks[-1] for curve in curves)
    if largest > _LARGEST_LINEAR:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator(ticks(largest)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="k", ylabel="pass@k (%), 95 % interval", ylim=(0, 100), title=title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    save_png(figure, path)
