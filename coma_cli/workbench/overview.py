"""Tables of a recipe's results: one per stage, and one per benchmark that compares what was scored on it."""

from collections.abc import Iterable, Iterator, Sequence

from coma_cli import console
from coma_cli.evaluation.measuring.summary import is_of_measures
from coma_cli.stage import stage_of
from coma_cli.workbench.step_report import StepReport


def show_overview(title: str, reports: Sequence[StepReport]) -> None:
    """Print stages, results and times; then, per benchmark, the figures of all scored runs side by side."""
    from coma_cli.workbench import comparison

    rows = [(f"{r.command} {r.name}", headline(r), f"{r.wall_s:.0f} s") for r in reports]
    total = sum(r.wall_s for r in reports)
    console.print_table(title, ("stage", "result", "time"), [*rows, ("total", "", f"{total:.0f} s")])
    for scored in _by_bench(r for r in reports if r.command == "score"):
        if is_of_measures(scored[0].summary):
            comparison.show_measures(scored)
        else:
            comparison.show_pass_at_k(scored)


def headline(report: StepReport) -> str:
    """One line on what a run made, in the words of its stage."""
    return stage_of(report.command).headline(report.summary)


def _by_bench(reports: Iterable[StepReport]) -> Iterator[Sequence[StepReport]]:
    """The reports of each benchmark, benchmarks in the order in which they were first scored."""
    grouped: dict[str, list[StepReport]] = {}
    for report in reports:
        grouped.setdefault(report.summary["bench"], []).append(report)
    yield from grouped.values()
