"""What a publication reports beside what a recipe's runs measured: a table, a chart, and the figures as JSON.

A published figure agrees if it lies within the 95 % interval of the score measured here. The interval is that of a
sample of problems; a published figure has an uncertainty of its own, which nobody can know without its samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coma_cli import console
from coma_cli.jsonl import write_json
from coma_cli.plotting import new_figure, open_frame, plot_blocker, save_png
from coma_cli.words import count_of
from coma_cli.workbench.recipes import Place, PublishedFigure
from coma_cli.workbench.step_report import StepReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS, CHART = "published.json", "published.png"
_HEADING = ("model", "figure", "published", "here", "verdict")


@dataclass(frozen=True)
class Repeated:
    """A published figure and its repetition: shares between 0 and 1; those of the repetition are None if undefined."""

    model: str
    bench: str
    k: int
    published: float
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    source: str


def report(figures: Sequence[PublishedFigure], reports: Sequence[StepReport], place: Place, recipe: str) -> None:
    """Print the table, and keep it with a chart in the workspace under the recipe's name."""
    rows = repeated(figures, reports, place)
    show(rows)
    for path in save(rows, place.workspace / "published" / place.run_name(recipe)):
        console.print_line(f"Written: {path}")


def repeated(figures: Sequence[PublishedFigure], reports: Sequence[StepReport], place: Place) -> list[Repeated]:
    """Each published figure beside the score of its step; the steps must have run."""
    scores = {report.name: report.summary for report in reports if report.command == "score"}
    return [row for figure in figures for row in _rows(figure, scores[place.run_name(figure.score)], place)]


def _rows(figure: PublishedFigure, summary: Mapping[str, Any], place: Place) -> Iterator[Repeated]:
    note = " (withdrawn later)" if figure.withdrawn else ""
    for k, percent in figure.percent.items():
        entry = summary["pass_at_k"].get(str(k)) or {}
        value = entry.get("value")
        low, high = entry["ci95"] if value is not None else (None, None)
        verdict = _verdict(percent / 100, value, (low, high), summary, place) + note
        yield Repeated(figure.model, summary["bench"], k, percent / 100, value, low, high, verdict, figure.source)


def _verdict(
    published: float, value: float | None, interval: tuple[Any, Any], summary: Mapping[str, Any], place: Place
) -> str:
    if place.scale != "full":
        return "another model: not comparable"
    if value is None:
        return "not measured"
    if summary.get("partial"):
        return f"{count_of(summary['problems'], 'problem')} of {summary['bench_problems']}: not comparable"
    low, high = interval
    if low <= published <= high:
        return "agrees"
    return "lower here" if value < published else "higher here"


def show(rows: Sequence[Repeated]) -> None:
    """Print the table, and where its published figures come from."""
    lines = [
        (
            row.model,
            f"{row.bench} pass@{row.k}",
            f"{100 * row.published:.1f}",
            _measured(row),
            row.verdict,
        )
        for row in rows
    ]
    console.print_table("Published and measured here, in percent, with 95 % intervals", _HEADING, lines)
    for source in dict.fromkeys(row.source for row in rows):
        console.print_line(f"Published: {source}.")


def _measured(row: Repeated) -> str:
    if row.value is None or row.low is None or row.high is None:
        return ""
    return f"{100 * row.value:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]"


def save(rows: Sequence[Repeated], folder: Path) -> list[Path]:
    """Write the figures and, where matplotlib is installed, the chart; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RESULTS, [asdict(row) for row in rows])
    if plot_blocker("The chart of published figures"):
        return [folder / RESULTS]
    draw(rows, folder / CHART)
    return [folder / RESULTS, folder / CHART]


def draw(rows: Sequence[Repeated], path: Path) -> None:
    """A pair of bars per figure, the published one and that of this machine with its interval.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure = new_figure(max(5.0, 1.2 + 1.1 * len(rows)), 4.2, 120)
    axes: Axes = figure.subplots()
    width = 0.38
    places = range(len(rows))
    axes.bar(
        [n - width / 2 for n in places],
        [100 * row.published for row in rows],
        width,
        label="published",
        color="#9aa5b1",
    )
    axes.bar(
        [n + width / 2 for n in places], [100 * (row.value or 0) for row in rows], width, label="here", color="#1f6f8b"
    )
    for number, row in enumerate(rows):
        if row.value is not None and row.low is not None and row.high is not None:
            reach = [[100 * (row.value - row.low)], [100 * (row.high - row.value)]]
            axes.errorbar(number + width / 2, 100 * row.value, yerr=reach, color="#222222", capsize=3, linewidth=1)
    axes.set_xticks(list(places), [f"{row.model}\n{row.bench}\npass@{row.k}" for row in rows], fontsize=8)
    axes.set_ylabel("percent, with 95 % intervals")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    open_frame(axes)
    save_png(figure, path)
