"""Compares scored runs of one benchmark: each with the first, in every figure that all have.

score runs  ->  what differs beside the model (or refused)  ->  differences with intervals and tests  ->  flips
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.comparing.difference import ComparisonRules, PairedDifference, holm, pass_at_k_difference
from coma_cli.evaluation.comparing.flips import Flip, flips_of
from coma_cli.evaluation.comparing.mismatches import Mismatch, mismatches, refuse
from coma_cli.evaluation.comparing.scored_run import Condition, ScoredRun, paired_conditions, rated
from coma_cli.evaluation.estimates import DEFAULT_KS
from coma_cli.evaluation.measuring.paired import differences, row_flips
from coma_cli.evaluation.pass_at_k import Tally


class ComparedRun(BaseModel):
    """One of the runs that were compared."""

    model_config = ConfigDict(frozen=True)

    label: str
    name: str
    path: str
    samples_from: str
    content_sha256: str


class PairComparison(BaseModel):
    """The second run against the first: every figure, and the problems that it won and lost, the most telling first."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    measures: list[PairedDifference]
    won: list[Flip]
    lost: list[Flip]


class ConditionComparison(BaseModel):
    """All runs under one protocol and temperature each (None where it is not stated)."""

    model_config = ConfigDict(frozen=True)

    protocols: list[str]
    temperatures: list[float | None]
    problems: int
    differs: list[Mismatch]
    pairs: list[PairComparison]


class CompareSummary(BaseModel):
    """What `coma compare` prints; `margin` is in percentage points."""

    model_config = ConfigDict(frozen=True)

    bench: str
    bench_problems: int | None
    runs: list[ComparedRun]
    margin: float
    seed: int
    comparisons: list[ConditionComparison]


@dataclass(frozen=True)
class CompareOptions:
    """The k of pass@k (none: those that all runs were scored for), the rules, and whether unlike runs are compared."""

    ks: tuple[int, ...] = ()
    rules: ComparisonRules = field(default_factory=ComparisonRules)
    anyway: bool = False


def compare(runs: Sequence[ScoredRun], options: CompareOptions) -> CompareSummary:
    """Compare each run with the first.

    Raises:
        UsageError: a run is given twice, runs differ in more than the model, or have no figure in common.
        MissingInputError: a file of a run is missing or was changed, or runs have no problem in common.
    """
    _check_runs(runs)
    comparisons = [_under(runs, conditions, options) for conditions in paired_conditions(runs)]
    summary = runs[0].summary
    return CompareSummary(
        bench=runs[0].bench,
        bench_problems=summary.get("bench_problems"),
        runs=[_described(run) for run in runs],
        margin=round(100 * options.rules.margin, 6),
        seed=options.rules.seed,
        comparisons=comparisons,
    )


def _check_runs(runs: Sequence[ScoredRun]) -> None:
    places: dict[str, ScoredRun] = {}
    for run in runs:
        other = places.setdefault(str(run.artifact.path.resolve()), run)
        if other is not run:
            raise UsageError(
                f"{other.label} and {run.label} are the same score run ({run.artifact.path}).", "Name two runs."
            )
    if len({run.is_measured for run in runs}) > 1:
        kinds = ", ".join(f"{run.label} is of {run.bench}" for run in runs)
        raise UsageError(f"Task metrics can't be compared with pass@k: {kinds}.", "Name runs of one benchmark.")


def _described(run: ScoredRun) -> ComparedRun:
    return ComparedRun(
        label=run.label,
        name=run.artifact.name,
        path=str(run.artifact.path),
        samples_from=str(run.summary["samples_from"]),
        content_sha256=run.artifact.content_sha256,
    )


def _under(runs: Sequence[ScoredRun], conditions: Sequence[Condition], options: CompareOptions) -> ConditionComparison:
    """The runs under one condition each."""
    common = frozenset.intersection(*(run.task_ids(of) for run, of in zip(runs, conditions, strict=True)))
    if not common:
        benches = "; ".join(f"{run.label}: {run.bench}, {len(run.task_ids(of))}" for run, of in _both(runs, conditions))
        raise UsageError(f"These runs have no problem in common ({benches}).", "Name runs of one benchmark.")
    differs = mismatches(runs, conditions)
    if not options.anyway:
        refuse(differs, "Score them alike, or compare what they have in common with --anyway")
    ks = options.ks or _shared_ks(runs, conditions)
    found = [
        pair_differences((runs[0], conditions[0]), other, common, ks, options.rules)
        for other in _both(runs[1:], conditions[1:])
    ]
    if not all(found):
        named = " or ".join(f"pass@{k}" for k in ks) or "figure"
        raise UsageError(
            f"{' and '.join(run.label for run in runs)} have no {named} in common.",
            "Draw more samples with coma sample -n, or lower -k.",
        )
    first = (runs[0], conditions[0])
    return ConditionComparison(
        protocols=[one.protocol for one in conditions],
        temperatures=[one.temperature for one in conditions],
        problems=len(common),
        differs=differs,
        pairs=[
            _pair(first, other, measures, common)
            for other, measures in zip(_both(runs[1:], conditions[1:]), corrected(found), strict=True)
        ],
    )


Conditioned = tuple[ScoredRun, Condition]


def _both(runs: Sequence[ScoredRun], conditions: Sequence[Condition]) -> list[Conditioned]:
    return list(zip(runs, conditions, strict=True))


def pair_differences(
    first: Conditioned, second: Conditioned, common: frozenset[str], ks: Sequence[int], rules: ComparisonRules
) -> list[PairedDifference]:
    """Every figure that both have of the common problems: task metrics of held-out rows, and pass@k.

    Raises:
        MissingInputError: the held-out rows are gone.
    """
    found = list(_metrics(first, second, common, rules)) if first[0].is_measured else []
    ours, theirs = (_of(run.tallies(condition), common) for run, condition in (first, second))
    found += [one for k in ks if (one := pass_at_k_difference(ours, theirs, k, rules)) is not None]
    return found


def _metrics(
    first: Conditioned, second: Conditioned, common: frozenset[str], rules: ComparisonRules
) -> Iterator[PairedDifference]:
    problems = first[0].problems or second[0].problems
    if problems is None:
        raise MissingInputError(
            f"The samples that {first[0].label} and {second[0].label} were scored from are gone or have changed, and "
            "with them the held-out rows.",
            "Score the present samples: coma score --samples NAME",
        )
    shared = [problem for problem in problems if problem.task_id in common]
    yield from differences(
        shared, first[0].answers(first[1].temperature), second[0].answers(second[1].temperature), rules
    )


def _of(tallies: Mapping[str, Tally], common: frozenset[str]) -> dict[str, Tally]:
    return {name: tally for name, tally in tallies.items() if name in common}


def _shared_ks(runs: Sequence[ScoredRun], conditions: Sequence[Condition]) -> list[int]:
    """The k that all runs were scored for, else the usual ones that all have enough samples for."""
    asked = [{int(k) for k in (run.summary.get("tested") or run.summary).get("pass_at_k") or ()} for run in runs]
    least = min((t.samples for run, of in _both(runs, conditions) for t in run.tallies(of).values()), default=0)
    scored = sorted(k for k in set.intersection(*asked) if k <= least)
    return scored or [k for k in DEFAULT_KS if k <= least]


def corrected(found: Sequence[Sequence[PairedDifference]]) -> list[list[PairedDifference]]:
    """The differences of several models from the first one, each figure corrected for the number of models."""
    by_figure: dict[tuple[str | None, str], list[float]] = {}
    for measures in found:
        for one in measures:
            by_figure.setdefault((one.task, one.measure), []).append(one.p)
    adjusted = {figure: iter(holm(p_values)) for figure, p_values in by_figure.items()}
    return [[one.corrected(next(adjusted[one.task, one.measure])) for one in measures] for measures in found]


def _pair(
    first: Conditioned, second: Conditioned, measures: Sequence[PairedDifference], common: frozenset[str]
) -> PairComparison:
    """One pair with the problems that it is decided by."""
    if first[0].is_measured:
        problems = [p for p in first[0].problems or second[0].problems or () if p.task_id in common]
        flips = row_flips(problems, first[0].answers(first[1].temperature), second[0].answers(second[1].temperature))
    else:
        ours, theirs = (rated(_of(run.tallies(of), common)) for run, of in (first, second))
        flips = flips_of(ours, theirs)
    return PairComparison(
        first=first[0].label,
        second=second[0].label,
        measures=list(measures),
        won=[flip for flip in flips if flip.change > 0],
        lost=[flip for flip in flips if flip.change < 0],
    )
