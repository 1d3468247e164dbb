"""Tables of a recipe's results: one per stage, and one of the final pass@k."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coma_cli import console
from coma_cli.stage import stage_of
from coma_cli.words import count_of


@dataclass(frozen=True)
class StepReport:
    """The result of one step: its run's summary, and how long it took this time."""

    command: str
    name: str
    summary: Mapping[str, Any]
    wall_s: float


def show_overview(title: str, reports: Sequence[StepReport]) -> None:
    """Print stages, results and times; then pass@k of every scored run side by side, with 95 % intervals."""
    rows = [(f"{r.command} {r.name}", headline(r), f"{r.wall_s:.0f} s") for r in reports]
    total = sum(r.wall_s for r in reports)
    console.print_table(title, ("stage", "result", "time"), [*rows, ("total", "", f"{total:.0f} s")])
    scored = [r for r in reports if r.command == "score"]
    if scored:
        _show_scores(scored)


def headline(report: StepReport) -> str:
    """One line on what a run made, in the words of its stage."""
    return stage_of(report.command).headline(report.summary)


def _show_scores(reports: Sequence[StepReport]) -> None:
    ks = sorted({int(k) for r in reports for k in r.summary["pass_at_k"]})
    rows = [[r.name, *(_estimate(r.summary["pass_at_k"].get(str(k))) for k in ks)] for r in reports]
    bench, problems = reports[0].summary["bench"], reports[0].summary["problems"]
    console.print_table(
        f"{bench}, {count_of(problems, 'problem')}: estimate and 95 % interval", ["", *(f"pass@{k}" for k in ks)], rows
    )


def _estimate(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry.get("value") is None:
        return "not defined"
    low, high = entry["ci95"]
    return f"{100 * entry['value']:.1f} %  [{100 * low:.1f}, {100 * high:.1f}]"
