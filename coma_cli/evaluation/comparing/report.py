"""What `coma compare` prints for a person: a table for each pair of runs, and lines that say what it shows."""

from collections import Counter
from collections.abc import Iterator, Sequence

from coma_cli import console
from coma_cli.evaluation.comparing.compare import CompareSummary, ConditionComparison, PairComparison
from coma_cli.evaluation.comparing.difference import PairedDifference
from coma_cli.evaluation.comparing.flips import Flip, Rated
from coma_cli.evaluation.measuring.summary import title_of
from coma_cli.evaluation.results import table_name
from coma_cli.words import count_of, shown

_LISTED = 10  # problems that are named one by one
_HOW = {
    "score": "Tango's score interval",
    "bootstrap": "paired bootstrap over problems",
    "mcnemar": "exact McNemar test",
    "swap": "test by swapping the models' answers",
}


def show(summary: CompareSummary) -> None:
    """Print a comparison."""
    for comparison in summary.comparisons:
        for pair in comparison.pairs:
            console.print_table(_title(summary, comparison, pair), _columns(pair), list(_rows(pair.measures)))
            for line in _lines(summary, comparison, pair):
                console.print_line(line)


def _title(summary: CompareSummary, comparison: ConditionComparison, pair: PairComparison) -> str:
    """The pair; with protocol and temperature where several are compared."""
    of = count_of(comparison.problems, "problem")
    if len(summary.comparisons) == 1:
        return f"{summary.bench}, {of}"
    place = [run.label for run in summary.runs].index(pair.second)
    names = [
        table_name(comparison.protocols[at], comparison.temperatures[at], beside=comparison.temperatures)
        for at in (0, place)
    ]
    return f"{summary.bench}, {of}: {' against '.join(dict.fromkeys(names))}"


def _columns(pair: PairComparison) -> tuple[str, ...]:
    return "", shown(pair.first, 30), shown(pair.second, 30), "difference, 95 % interval", "p", "shown"


def _rows(measures: Sequence[PairedDifference]) -> Iterator[tuple[str, ...]]:
    """A line for each figure, below the name of its task where it has one."""
    task = None
    for one in measures:
        if one.task != task and one.task is not None:
            yield f"{one.task} {one.problems}", "", "", "", "", ""
        task = one.task
        yield (
            f"  {title_of(one.measure)}" if task else one.measure,
            f"{100 * one.first:.1f}",
            f"{100 * one.second:.1f}",
            signed_interval(one),
            p_text(one.p_holm),
            one.result,
        )


def signed_interval(one: PairedDifference) -> str:
    """A difference in percentage points with its 95 % interval, each with a plus or a minus."""
    low, high = one.ci95
    return f"{100 * one.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def p_text(p: float) -> str:
    """A p-value with as many digits as it has a meaning."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _lines(summary: CompareSummary, comparison: ConditionComparison, pair: PairComparison) -> Iterator[str]:
    first, second = shown(pair.first), shown(pair.second)
    if all(one.result == "no difference shown" for one in pair.measures):
        yield f"No difference between {first} and {second} is shown."
    yield from (line for one in pair.measures if (line := _needed(one)))
    yield from _equivalence(pair.measures, summary.margin)
    yield from _flip_lines(f"{second} wins", pair.won)
    yield from _flip_lines(f"{second} loses", pair.lost)
    yield from (f"Differs: {one.line()}" for one in comparison.differs)
    yield from _how(summary, pair)
    whole = summary.bench_problems
    if whole and comparison.problems < whole:
        yield f"Partial: {comparison.problems} of the {whole} problems of {summary.bench} are compared"


def _needed(one: PairedDifference) -> str | None:
    """What it would take to show a difference that was not shown."""
    if one.result != "no difference shown" or one.needed.problems is None:
        return None
    problems = f"about {one.needed.problems:,} problems like these"
    samples = f", or {one.needed.samples:,} samples of each of these" if one.needed.samples else ""
    none = " (more samples of these would not do)" if one.needed.why_no_samples.startswith("none") else ""
    size = f"{100 * abs(one.difference):.1f} points"
    return f"{_name(one)}: to show {size} with 80 % power takes {problems}{samples}{none}"


def _name(one: PairedDifference) -> str:
    return f"{one.task} {title_of(one.measure)}" if one.task else one.measure


def _equivalence(measures: Sequence[PairedDifference], margin: float) -> Iterator[str]:
    for equivalent, words in ((True, "Equivalent"), (False, "Not shown to be equivalent")):
        names = [
            f"{_name(one)} (90 % interval {100 * one.ci90[0]:+.1f} to {100 * one.ci90[1]:+.1f})"
            for one in measures
            if one.equivalent is equivalent and one.result == "no difference shown"
        ]
        if names:
            yield f"{words} within {margin:g} points: {', '.join(names)}"


def _flip_lines(words: str, flips: Sequence[Flip]) -> Iterator[str]:
    """The first problems of a list, and how many more there are; of held-out rows by task."""
    if not flips:
        yield f"{words} no problem"
        return
    tasks = Counter(flip.task for flip in flips if flip.task)
    by_task = f" ({', '.join(f'{task} {count}' for task, count in tasks.items())})" if tasks else ""
    named = ", ".join(_flip(flip) for flip in flips[:_LISTED])
    more = f" and {len(flips) - _LISTED} more (--json lists all)" if len(flips) > _LISTED else ""
    yield f"{words} {count_of(len(flips), 'problem')}{by_task}: {named}{more}"


def _flip(flip: Flip) -> str:
    """A problem's id; with both figures where they are not just passed and failed."""
    name = shown(flip.task_id)
    plain = abs(flip.change) == 1 and flip.first.samples == flip.second.samples == 1
    return name if plain else f"{name} ({_rated(flip.first)} to {_rated(flip.second)})"


def _rated(one: Rated) -> str:
    """Correct samples of all; a mean where it is of something else."""
    correct = one.figure * one.samples
    if abs(correct - round(correct)) < 1e-6:
        return f"{round(correct)}/{one.samples}"
    return f"{100 * one.figure:.1f} %"


def _how(summary: CompareSummary, pair: PairComparison) -> Iterator[str]:
    """How intervals and p-values were found, and what is corrected for."""
    intervals = " and ".join(_HOW[name] for name in dict.fromkeys(one.interval for one in pair.measures))
    tests = " and ".join(_HOW[name] for name in dict.fromkeys(one.test for one in pair.measures))
    models = len(summary.runs) - 1
    holm = f", corrected for {models} comparisons with {shown(pair.first)} (Holm)" if models > 1 else ""
    yield f"In percent and percentage points; intervals: {intervals}; p: {tests}{holm}"
    if len(pair.measures) > 1:
        yield f"Each of {len(pair.measures)} figures is tested on its own: one in twenty without a difference is shown"
