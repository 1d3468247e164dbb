"""The state of every run of a workspace, and why: done, running, stale or broken. Reads only; nothing is locked.

| state | meaning |
| --- | --- |
| `done` | finished, and what it was made from is what it read |
| `running` | a living process holds its lock |
| `stale` | finished, but an input or its stage's version has changed since, or an input is gone |
| `broken` | not finished and no process writes it, or its files don't fit its manifest |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from coma_cli.pipeline import row_of
from coma_cli.workbench.figures import figures_of
from coma_cli.workbench.origins import Origins, RunOrigin, dependants
from coma_cli.workspace.artifact import SETTINGS
from coma_cli.workspace.listing import ListedRun, list_runs

RunState = Literal["done", "running", "stale", "broken"]
STATES: tuple[RunState, ...] = ("done", "running", "stale", "broken")


@dataclass(frozen=True)
class JudgedRun:
    """A run with its state, the reasons for it, what it was made from and its main figures."""

    run: ListedRun = field(repr=False)
    state: RunState
    reasons: tuple[str, ...]
    origins: tuple[RunOrigin, ...] = field(repr=False)
    figures: Mapping[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """How tables and messages call it."""
        return self.run.title

    @property
    def is_finished(self) -> bool:
        """Whether it has a manifest that can be read."""
        return self.run.artifact is not None

    @property
    def age_from(self) -> float:
        """When it was finished, or else last written to, in seconds since the epoch."""
        finished = self.run.artifact.finished if self.run.artifact else ""
        try:
            return datetime.fromisoformat(finished).timestamp()
        except ValueError:
            return self.run.size.changed


@dataclass(frozen=True)
class JudgedWorkspace:
    """All runs of a workspace with their states, in the order of the pipeline.

    `made_from_it` are the titles of the runs that were made from a run, by its title; `places` knows recorded paths.
    """

    root: Path
    runs: Sequence[JudgedRun]
    made_from_it: Mapping[str, Sequence[str]]
    places: Origins = field(repr=False)

    @cached_property
    def by_title(self) -> Mapping[str, JudgedRun]:
        """The runs by their titles."""
        return {run.title: run for run in self.runs}

    def of_command(self, command: str) -> list[JudgedRun]:
        """The runs of a command, latest first."""
        found = [run for run in self.runs if run.run.command == command]
        return sorted(found, key=lambda run: (run.age_from, run.run.name), reverse=True)


def judge_workspace(root: Path) -> JudgedWorkspace:
    """The states of all runs of a workspace."""
    listed = list_runs(root)
    origins = Origins(root, listed)
    judged = [judge_run(run, origins.of(run)) for run in listed]
    return JudgedWorkspace(root, judged, dependants({run.title: run.origins for run in judged}), origins)


def judge_run(run: ListedRun, origins: Sequence[RunOrigin]) -> JudgedRun:
    """The state of one run with its origins."""
    state, reasons = _state(run, origins)
    figures = figures_of(run.command, run.summary, run.artifact.manifest) if run.artifact else {}
    return JudgedRun(run, state, tuple(reasons), tuple(origins), figures)


def _state(run: ListedRun, origins: Sequence[RunOrigin]) -> tuple[RunState, list[str]]:
    if run.holder is not None:
        return "running", [f"process {run.holder}" if run.holder else "a process of another container or machine"]
    if run.flaw is not None:
        return "broken", [run.flaw]
    if run.artifact is None:
        return "broken", [_unfinished(run)]
    reasons = [*_other_version(run), *dict.fromkeys(origin.changed for origin in origins if origin.changed)]
    return ("stale", reasons) if reasons else ("done", [])


def _unfinished(run: ListedRun) -> str:
    if not run.header:
        return f"unfinished, and its {SETTINGS} is missing or broken"
    return f"unfinished, last written to on {day_of(run.size.changed)}"


def _other_version(run: ListedRun) -> list[str]:
    """Whether its stage would make other rows now."""
    made_by, now = run.stated.get("version"), row_of(run.command).version
    if made_by == now:
        return []
    version = "an unknown version" if made_by is None else f"version {made_by}"
    return [f"made by {version} of {run.command}, which is at {now}"]


def day_of(seconds: float) -> str:
    """A day as written in tables (UTC)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
