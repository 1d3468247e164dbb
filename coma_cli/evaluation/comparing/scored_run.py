"""A finished score run, read for a comparison: its tallies or measurements, and what decided them beside the model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.errors import UsageError
from coma_cli.evaluation.comparing.flips import Rated
from coma_cli.evaluation.measuring.groups import MEASUREMENTS, Measurement
from coma_cli.evaluation.measuring.paired import MeasuredAnswers
from coma_cli.evaluation.measuring.summary import is_of_measures
from coma_cli.evaluation.pass_at_k import Tally
from coma_cli.evaluation.results import temperature_order
from coma_cli.evaluation.scoring.score_run import VERDICTS
from coma_cli.jsonl import read_rows
from coma_cli.records import CandidateRanking, Problem, Verdict
from coma_cli.workspace import Artifact, Input, Workspace

_RANKINGS, _PROBLEMS = "rankings.jsonl", "problems.jsonl"


class Condition(NamedTuple):
    """What is compared within runs: samples of one temperature under one protocol; None for one that is not stated."""

    protocol: str
    temperature: float | None


@dataclass(frozen=True)
class ScoredRun:
    """A finished score run; `label` is what the user called it. Files are read when they are needed."""

    artifact: Artifact
    label: str

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """What score printed."""
        return self.artifact.summary

    @property
    def bench(self) -> str:
        """The name of the benchmark."""
        return str(self.summary["bench"])

    @cached_property
    def is_measured(self) -> bool:
        """Whether it has task metrics of held-out rows."""
        return is_of_measures(self.summary)

    @cached_property
    def sample_run(self) -> Artifact | None:
        """The sample run that was scored; None for sample files, and where that run is gone or has other rows now."""
        made = next((given for given in self.artifact.inputs if given.name == "sample"), None)
        return Workspace(self.artifact.path.parents[1]).origin_of(made, "sample") if made else None

    @property
    def benchmark_input(self) -> Input | None:
        """The benchmark as it was read; None if that is not known any more."""
        inputs = (*self.artifact.inputs, *(self.sample_run.inputs if self.sample_run else ()))
        return next((given for given in inputs if given.name == "benchmark"), None)

    @cached_property
    def verdicts(self) -> Mapping[Condition, Mapping[str, Tally]]:
        """The tallies by task id of each protocol and temperature, without excluded problems.

        Raises:
            MissingInputError: the verdicts are missing, or not as coma wrote them.
        """
        if VERDICTS not in self.artifact.manifest["outputs"]:
            return {}
        path = self._output(VERDICTS)
        excluded = set((self.summary.get("tested") or self.summary)["excluded"])
        rows = (Verdict.from_row(row, str(path)) for row in read_rows(path))
        latest = {row.key: (Condition(row.protocol, row.temperature), row.task_id, row.verdict) for row in rows}
        samples: dict[Condition, Counter[str]] = {}
        correct: dict[Condition, Counter[str]] = {}
        for condition, task_id, verdict in latest.values():
            if task_id not in excluded:
                samples.setdefault(condition, Counter())[task_id] += 1
                correct.setdefault(condition, Counter())[task_id] += verdict == "pass"
        return {
            condition: {task_id: Tally(count, correct[condition][task_id]) for task_id, count in of.items()}
            for condition, of in samples.items()
        }

    @cached_property
    def measurements(self) -> Mapping[float | None, list[Measurement]]:
        """The measurements of held-out rows by temperature; empty for other benchmarks.

        Raises:
            MissingInputError: they are missing, or not as coma wrote them.
        """
        found: dict[float | None, list[Measurement]] = {}
        path = self._output(MEASUREMENTS) if self.is_measured else None
        for row in read_rows(path) if path else ():
            one = Measurement.from_row(row, str(path))
            found.setdefault(one.temperature, []).append(one)
        return found

    def answers(self, temperature: float | None) -> MeasuredAnswers:
        """The answers of one temperature, with the log-probabilities of candidates that the sample run left."""
        return MeasuredAnswers(self.measurements.get(temperature, []), self._rankings)

    @cached_property
    def _rankings(self) -> Mapping[str, tuple[float, ...]]:
        path = self._of_samples(_RANKINGS)
        rows = (CandidateRanking.from_row(row, str(path)) for row in read_rows(path)) if path else ()
        return {row.task_id: row.log_probabilities for row in rows if row.log_probabilities}

    @cached_property
    def problems(self) -> list[Problem] | None:
        """The held-out rows that were answered, which are beside the samples; None if they are gone."""
        path = self._of_samples(_PROBLEMS)
        return None if path is None else [Problem.from_row(row, str(path)) for row in read_rows(path)]

    @cached_property
    def conditions(self) -> list[Condition]:
        """The protocols in the order in which they were requested, and within them temperatures from low to high."""
        if self.is_measured:
            return [Condition("", temperature) for temperature in sorted(self.measurements, key=temperature_order)]
        order = {name: place for place, name in enumerate(PROTOCOLS)}
        order |= {name: place - len(order) for place, name in enumerate(self.artifact.settings["protocol"])}
        return sorted(self.verdicts, key=lambda one: (order.get(one.protocol, 0), temperature_order(one.temperature)))

    def task_ids(self, condition: Condition) -> frozenset[str]:
        """The problems or rows that count under a condition."""
        if self.is_measured:
            return frozenset(one.task_id for one in self.measurements.get(condition.temperature, ()))
        return frozenset(self.verdicts.get(condition, {}))

    def tallies(self, condition: Condition) -> Mapping[str, Tally]:
        """The tallies under a condition; of held-out rows those with tests, under the only protocol they have."""
        if not self.is_measured:
            return self.verdicts[condition]
        return next((of for one, of in self.verdicts.items() if one.temperature == condition.temperature), {})

    def _output(self, name: str) -> Path:
        return self.artifact.intact(name, None)

    def _of_samples(self, name: str) -> Path | None:
        """A file of the sample run; None if it is not there."""
        run = self.sample_run
        if run is None or name not in run.manifest["outputs"] or not (run.path / name).is_file():
            return None
        return run.path / name


def rated(tallies: Mapping[str, Tally]) -> dict[str, Rated]:
    """The share of correct samples of each problem."""
    return {name: Rated(figure=tally.correct / tally.samples, samples=tally.samples) for name, tally in tallies.items()}


def scored_run(artifact: Artifact, label: str) -> ScoredRun:
    """A score run for a comparison.

    Raises:
        MissingInputError: an output or the summary is missing or broken. UsageError: no samples were scored.
    """
    run = ScoredRun(artifact, label)
    for name in artifact.manifest["outputs"]:
        artifact.file(name)
    if not run.conditions:
        raise UsageError(f"{label} has no scored samples: it checked references only.", "Name a run with samples.")
    return run


def paired_conditions(runs: Sequence[ScoredRun]) -> list[list[Condition]]:
    """What is compared with what: for each comparison a condition of each run.

    These are the protocols and temperatures that all have. A run with a single temperature is compared with another
    one's single temperature, whichever they are; where nothing is shared, the first of each run are compared.
    """
    alone = all(len({one.temperature for one in run.conditions}) == 1 for run in runs)
    rows = [[_like(condition, run, alone) for run in runs] for condition in runs[0].conditions]
    whole = [[one for one in row if one is not None] for row in rows if None not in row]
    return whole or [[run.conditions[0] for run in runs]]


def _like(condition: Condition, run: ScoredRun, alone: bool) -> Condition | None:
    same = [one for one in run.conditions if one.protocol == condition.protocol]
    return next((one for one in same if alone or one.temperature == condition.temperature), None)
