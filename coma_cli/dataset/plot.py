"""The plot of what a data set is made of: sub-datasets, sources, programming languages, lengths.

It accompanies the card and is not part of a run's content hash: another version of matplotlib draws other pixels from
the same numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.dataset.composition import LENGTH_EDGES
from coma_cli.dataset.summary import BuildDataSummary, SideCounts
from coma_cli.plotting import new_figure, open_frame, save_png

PLOT = "composition.png"
_MOST_BARS, _FEWEST_BARS = 14, 7
_COLOURS = 10  # of matplotlib's cycle; further lines are dashed
_TRAIN, _VALIDATION, _REQUESTED = "#30638e", "#edae49", "#c9ced6"


def draw(summary: BuildDataSummary, path: Path) -> None:
    """Write the plot as PNG."""
    figure = new_figure(12, 9, dpi=110)
    (subsets, languages), (sources, lengths) = figure.subplots(2, 2)
    _bars(subsets, f"Sub-datasets of {summary.mixture}", *_subset_bars(summary))
    _bars(languages, "Programming languages", *_largest(summary.languages))
    _bars(sources, "Sources", *_largest(summary.sources))
    _lengths(lengths, summary)
    handles, labels = subsets.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False)
    figure.suptitle(f"{summary.rows.train} training rows, {summary.rows.validation} validation rows", x=0.02, ha="left")
    save_png(figure, path)


def load() -> None:
    """Import what `draw` needs."""
    new_figure(1, 1, dpi=10)


def _subset_bars(summary: BuildDataSummary) -> tuple[dict[str, SideCounts], dict[str, int]]:
    counts: dict[str, SideCounts] = dict(summary.subsets)
    counts["no sub-dataset"] = summary.beside
    requested = {name: entry.requested for name, entry in summary.subsets.items()}
    shown = {name: entry for name, entry in counts.items() if entry.total or requested.get(name)}
    return shown, requested


def _largest(counts: Mapping[str, SideCounts]) -> tuple[dict[str, SideCounts], dict[str, int]]:
    """The largest ones, and the others as one bar."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total, item[0]))
    shown = dict(ordered[:_MOST_BARS])
    rest = [entry for _, entry in ordered[_MOST_BARS:]]
    if rest:
        train, validation = sum(entry.train for entry in rest), sum(entry.validation for entry in rest)
        shown[f"{len(rest)} others"] = SideCounts(train=train, validation=validation)
    return shown, {}


def _bars(axes: Any, title: str, counts: Mapping[str, SideCounts], requested: Mapping[str, int]) -> None:
    names = list(counts)
    train = [counts[name].train for name in names]
    validation = [counts[name].validation for name in names]
    total = [counts[name].total for name in names]
    asked = [requested.get(name, 0) for name in names]
    axes.barh(names, train, color=_TRAIN, label="training")
    axes.barh(names, validation, left=train, color=_VALIDATION, label="validation")
    bars = axes.barh(names, asked, left=total, color=_REQUESTED, hatch="//", edgecolor="white", label="requested")
    axes.bar_label(bars, [f" {counted(t, a)}" for t, a in zip(total, asked, strict=True)], fontsize=8)
    axes.set_ylim(max(len(names), _FEWEST_BARS) - 0.4, -0.6)  # the first on top; few bars are as thick as many
    axes.margins(x=0.18)
    axes.set_title(title, loc="left", fontsize=11)
    axes.tick_params(axis="y", length=0, labelsize=9)
    open_frame(axes)


def counted(total: int, asked: int) -> str:
    """The label of a bar: 12, 12 (+3 requested), or (3 requested)."""
    if not asked:
        return str(total)
    return f"{total} (+{asked} requested)" if total else f"({asked} requested)"


def _lengths(axes: Any, summary: BuildDataSummary) -> None:
    """The share of each task's rows by the length of their answers."""
    for number, (task, parts) in enumerate(sorted(summary.lengths.items())):
        counts = parts["output"]
        shares = [100 * count / max(1, sum(counts)) for count in counts]
        style = "-" if number < _COLOURS else "--"
        axes.plot(range(len(counts)), shares, marker="o", markersize=3, label=task, linestyle=style)
    axes.set_xticks(range(len(LENGTH_EDGES) + 1), length_classes(), rotation=40, ha="right", fontsize=8)
    axes.set_title("Length of answers in characters", loc="left", fontsize=11)
    axes.set_ylabel("% of the task's rows", fontsize=9)
    open_frame(axes)
    axes.set_ylim(bottom=0)
    if summary.lengths:
        axes.legend(fontsize=8, frameon=False)


def length_classes() -> list[str]:
    """The names of the ranges of lengths."""
    return [f"to {edge}" for edge in LENGTH_EDGES] + [f"over {LENGTH_EDGES[-1]}"]
