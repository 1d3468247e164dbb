"""What `coma clean` would remove from a workspace and why, and what it keeps although it was selected. Changes nothing.

Never removed: a run that a process writes, what another run that stays was made from, and what a link leads to.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coma_cli.errors import UsageError
from coma_cli.training.checkpoints import CONTINUATION
from coma_cli.workbench.origins import inputs_of
from coma_cli.workbench.states import JudgedRun, JudgedWorkspace, day_of
from coma_cli.workspace.listing import size_of_folder
from coma_cli.workspace.removal import leftovers, outside_blocker

Kind = Literal["broken", "stale", "superseded"]
KINDS: tuple[Kind, ...] = ("broken", "stale", "superseded")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"([0-9]{1,6})\s*([mhdw])")


@dataclass(frozen=True)
class CleaningOrder:
    """What is selected: kinds of runs, the least age in seconds, and whether only checkpoints go.

    An age narrows what the kinds select; alone it selects runs of any kind but running ones.
    """

    kinds: frozenset[Kind] = frozenset()
    older_than_s: float | None = None
    checkpoints: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return not self.kinds and self.older_than_s is None and not self.checkpoints


@dataclass(frozen=True)
class Removable:
    """A run, a folder in it, or what is left of one, that would be removed: why, and allocated bytes.

    `run` is None for what another clean left behind.
    """

    title: str
    path: Path
    why: str
    disk_bytes: int
    run: JudgedRun | None = None

    @property
    def is_part(self) -> bool:
        """Whether the run itself stays."""
        return self.run is not None and self.path != self.run.run.path


@dataclass(frozen=True)
class KeptRun:
    """A run that was selected and stays, and why."""

    title: str
    why: str


@dataclass(frozen=True)
class CleaningPlan:
    """What would be removed, and what stays although it was selected."""

    removable: Sequence[Removable]
    kept: Sequence[KeptRun]

    @property
    def disk_bytes(self) -> int:
        """Allocated bytes of all that would be removed."""
        return sum(one.disk_bytes for one in self.removable)


def seconds_of_age(text: str) -> float:
    """Seconds of an age such as `30d`, `12h`, `2w` or `45m`.

    Raises:
        UsageError: it is none.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is not an age.", "A number with m, h, d or w: --older-than 30d")
    return float(found[1]) * _SECONDS[found[2]]


def plan_cleaning(workspace: JudgedWorkspace, order: CleaningOrder, now: float) -> CleaningPlan:
    """What an order selects in a workspace at a time (seconds since the epoch), and what of it has to stay."""
    selected = dict(_selected(workspace, order, now))
    if order.checkpoints:
        return _of_checkpoints(workspace, selected)
    blockers = {title: why for title in selected if (why := _blocker(workspace, workspace.by_title[title]))}
    kept = [KeptRun(title, why) for title, why in blockers.items()]
    going = {title: why for title, why in selected.items() if title not in blockers}
    kept += _without_origins(workspace, going)
    chosen = [(workspace.by_title[title], why) for title, why in going.items()]
    found = [Removable(run.title, run.run.path, why, run.run.size.allocated, run) for run, why in chosen]
    return CleaningPlan([*found, *_left_behind(workspace.root)], kept)


def _selected(workspace: JudgedWorkspace, order: CleaningOrder, now: float) -> Iterator[tuple[str, str]]:
    """The selected runs by title, and why each is."""
    by_kind = [dict(_OF_KIND[kind](workspace)) for kind in KINDS if kind in order.kinds]
    for run in workspace.runs:
        reasons = [of_kind[run.title] for of_kind in by_kind if run.title in of_kind]
        if order.kinds and not reasons:
            continue
        if order.older_than_s is not None:
            if now - run.age_from < order.older_than_s:
                continue
            reasons.append(f"{'finished' if run.is_finished else 'last written to'} on {day_of(run.age_from)}")
        yield run.title, "; ".join(reasons)


def _in_state(state: str) -> Callable[[JudgedWorkspace], Iterator[tuple[str, str]]]:
    return lambda workspace: (
        (run.title, f"{state}: {'; '.join(run.reasons)}") for run in workspace.runs if run.state == state
    )


def _superseded(workspace: JudgedWorkspace) -> Iterator[tuple[str, str]]:
    """Finished runs of which a later one of the same command and inputs is done, and the settings that differ."""
    latest: dict[tuple[str, frozenset[tuple[str, str]]], JudgedRun] = {}
    for run in sorted(workspace.runs, key=lambda run: run.age_from, reverse=True):
        if run.state not in ("done", "stale"):
            continue
        read = (run.run.command, _read_by(run))
        later = latest.get(read)
        if later is not None:
            differing = sorted(_differing(run.run.stated.get("identity"), later.run.stated.get("identity")))
            settings = f", with another {', '.join(differing[:4])}" if differing else ""
            yield run.title, f"superseded: {later.title} is later and has the same inputs{settings}"
        elif run.state == "done":
            latest[read] = run


_OF_KIND: Mapping[Kind, Callable[[JudgedWorkspace], Iterator[tuple[str, str]]]] = {
    "broken": _in_state("broken"),
    "stale": _in_state("stale"),
    "superseded": _superseded,
}


def _read_by(run: JudgedRun) -> frozenset[tuple[str, str]]:
    return frozenset((given.name, given.content_sha256) for given in inputs_of(run.run.stated))


def _differing(before: object, after: object, prefix: str = "") -> Iterator[str]:
    """Dotted names of settings that are not equal."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other, f"{prefix}{name}.")
        elif one != other:
            yield f"{prefix}{name}"


def _blocker(workspace: JudgedWorkspace, run: JudgedRun) -> str | None:
    """Why a run stays whatever else goes."""
    if run.state == "running":
        return f"running: {run.reasons[0]}"
    return outside_blocker(workspace.root, run.run.path)


def _without_origins(workspace: JudgedWorkspace, selected: dict[str, str]) -> Iterator[KeptRun]:
    """Take out of a selection what runs that stay were made from, until none is in it."""
    while True:
        needed = {title: user for title in selected if (user := _user(workspace, title, selected)) is not None}
        if not needed:
            return
        for title, user in needed.items():
            del selected[title]
            yield KeptRun(title, f"{user} was made from it")


def _user(workspace: JudgedWorkspace, title: str, selected: Iterable[str]) -> str | None:
    """A run that stays and was made from this one."""
    return next((user for user in workspace.made_from_it.get(title, ()) if user not in selected), None)


def _left_behind(root: Path) -> Iterator[Removable]:
    for path in leftovers(root):
        title = str(path.relative_to(root))
        yield Removable(title, path, "left by a clean that was stopped", size_of_folder(path).allocated)


def _of_checkpoints(workspace: JudgedWorkspace, selected: Mapping[str, str]) -> CleaningPlan:
    """The checkpoints of finished runs, from which only a larger number of steps would continue."""
    found, kept = list[Removable](), list[KeptRun]()
    for title in selected:
        run = workspace.by_title[title]
        folder = run.run.path / CONTINUATION
        if run.run.command != "finetune" or not run.is_finished or not folder.is_dir():
            continue
        blocker = _blocker(workspace, run) or (f"{folder} is a symbolic link" if folder.is_symlink() else None)
        if blocker is not None:
            kept.append(KeptRun(title, blocker))
            continue
        why = "checkpoints of a finished run: with more steps it would start again from the first one"
        found.append(Removable(f"{title}/{CONTINUATION}", folder, why, size_of_folder(folder).allocated, run))
    return CleaningPlan([*found, *_left_behind(workspace.root)], kept)
