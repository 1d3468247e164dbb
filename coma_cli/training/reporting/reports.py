"""Sends the metrics of every step to the requested trackers; one that fails is dropped, and training goes on.

A tracker's package is imported only where it is used. What a tracker is told beside the figures are the settings; the
trackers' own reports about their use are switched off.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec

from coma_cli import console
from coma_cli.errors import CliError, InterruptedByUserError, MissingPackageError, TerminatedError
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.training.metrics import TrainingStep
from coma_cli.training.reporting.settings import TrackerName
from coma_cli.training.reporting.tracker import End, ReportedRun, Tracker, figures_of
from coma_cli.words import shortened

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class _Package:
    """What a tracker needs: the name to import, and the name to install."""

    module: str
    requirement: str


_PACKAGES: Mapping[TrackerName, _Package] = {
    "tensorboard": _Package("tensorboard", "tensorboard"),
    "wandb": _Package("wandb", "wandb"),
    "trackio": _Package("trackio", "trackio"),
    "mlflow": _Package("mlflow", "mlflow-skinny"),
}


def blockers(wanted: Sequence[TrackerName]) -> list[CliError]:
    """One error for each tracker whose package is not installed, with the pip line that brings it."""
    return [
        MissingPackageError(
            f"--report-to {name} needs the package {_PACKAGES[name].requirement}, which is not installed.",
            f"pip install {_PACKAGES[name].requirement}",
        )
        for name in wanted
        if find_spec(_PACKAGES[name].module) is None
    ]


class Reports:
    """The open trackers of a run, by name."""

    def __init__(self, trackers: Mapping[str, Tracker] | None = None) -> None:
        self._open = dict(trackers or {})

    def open(self, wanted: Sequence[TrackerName], run: ReportedRun) -> None:
        """Start the run in each tracker."""
        for name in wanted:
            try:
                module = importlib.import_module(f"coma_cli.training.reporting.to_{name}")
                with redirect_stdout(sys.stderr):  # stdout is for results
                    self._open[name] = module.start(run)
            except Exception as error:  # a tracker can raise anything
                _warn(name, error)

    def log(self, row: TrainingStep) -> None:
        """Send the figures of a step."""
        for name, tracker in list(self._open.items()):
            try:
                with redirect_stdout(sys.stderr):
                    tracker.log(row.step, figures_of(row))
            except Exception as error:
                self._open.pop(name)
                _warn(name, error)

    def close(self, end: End) -> None:
        """End the run in each tracker."""
        for name, tracker in self._open.items():
            try:
                with redirect_stdout(sys.stderr):
                    tracker.close(end)
            except Exception as error:
                _warn(name, error)
        self._open.clear()


def _warn(name: str, error: Exception) -> None:
    said = shortened(" ".join(str(error).split()), _MOST_CHARACTERS) or type(error).__name__
    console.warn(f"{name} failed and gets no more metrics: {said}. Training continues; metrics.jsonl has all of them.")


@contextmanager
def reporting(
    wanted: Sequence[TrackerName], run: ReportedRun, others: Mapping[str, Tracker] | None = None
) -> Iterator[Reports]:
    """The requested trackers of a run, beside `others` that are open, ended as the training ends.

    Of several processes of one training only the first one reports.
    """
    rank = ProcessRank.of_environment()
    reports = Reports(others)
    if rank is None or rank.number == 0:
        reports.open(wanted, run)
    try:
        yield reports
    except (KeyboardInterrupt, InterruptedByUserError, TerminatedError):
        reports.close("interrupted")
        raise
    except BaseException:
        reports.close("failed")
        raise
    reports.close("finished")
