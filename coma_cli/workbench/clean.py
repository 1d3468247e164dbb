"""`coma clean`: shows what `removal_plan` found, or removes it, each run under its own lock and checked once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError, UsageError
from coma_cli.pipeline import PIPELINE
from coma_cli.words import count_of, shown, size_of
from coma_cli.workbench.origins import Origins, inputs_of
from coma_cli.workbench.removal_plan import KINDS, CleaningOrder, CleaningPlan, KeptRun, Removable, plan_cleaning
from coma_cli.workbench.states import JudgedWorkspace, judge_run, judge_workspace
from coma_cli.workspace.artifact import SETTINGS
from coma_cli.workspace.listing import listed_run, read_header, run_folders
from coma_cli.workspace.removal import delete, remove_part, remove_run


@dataclass(frozen=True)
class CleaningResult:
    """What was removed, what was planned and not removed, and why."""

    removed: Sequence[Removable]
    failed: Sequence[KeptRun]


def clean(root: Path, order: CleaningOrder, now: float, *, remove: bool, as_json: bool = False) -> None:
    """Show what an order selects; with `remove`, remove it.

    With an empty order, everything of any kind is shown.

    Raises:
        UsageError: nothing is selected and `remove` is set. CliError: something could not be removed.
    """
    if order.is_empty and remove:
        raise UsageError(
            "Nothing is selected.", "Choose among --broken, --stale, --superseded, --older-than AGE and --checkpoints."
        )
    workspace = judge_workspace(root)
    plan = plan_cleaning(workspace, CleaningOrder(frozenset(KINDS)) if order.is_empty else order, now)
    result = _remove(workspace, plan) if remove else None
    if as_json:
        console.print_json(_as_json(plan, result))
    else:
        _show(root, plan, result)
    if result is not None and result.failed:
        raise CliError(
            f"{count_of(len(result.failed), 'selected run')} could not be removed.", "coma status shows what is there."
        )


def _remove(workspace: JudgedWorkspace, plan: CleaningPlan) -> CleaningResult:
    """Remove what is planned, first what nothing was made from: a kill leaves no run without its origin."""
    removed, failed = list[Removable](), list[KeptRun]()
    watch = _NewRuns(workspace)
    for one in _users_first(workspace, plan.removable):
        why = _remove_one(workspace, one, watch)
        if why is None:
            removed.append(one)
        else:
            failed.append(KeptRun(one.title, why))
            watch.stay.add(one.title)
    return CleaningResult(removed, failed)


def _users_first(workspace: JudgedWorkspace, planned: Sequence[Removable]) -> list[Removable]:
    """In the order in which every run comes after all that were made from it."""
    by_title = {one.title: one for one in planned}
    ordered: dict[str, Removable] = {}

    def add(title: str, above: frozenset[str]) -> None:
        if title in ordered or title in above or title not in by_title:
            return
        for user in workspace.made_from_it.get(title, ()):
            add(user, above | {title})
        ordered[title] = by_title[title]

    for title in by_title:
        add(title, frozenset())
    return list(ordered.values())


def _remove_one(workspace: JudgedWorkspace, one: Removable, watch: "_NewRuns") -> str | None:
    """Remove one thing; the reason if that was not done."""
    if one.run is None:
        return delete(one.path)
    run = one.run.run
    before = one.run

    def reason_to_keep() -> str | None:
        """Asked under the lock: nobody has made anything of the run, or from it, since it was judged."""
        again = replace(listed_run(run.command, run.path), holder=None)  # which is this process
        if again.stated != run.stated or (again.flaw, again.artifact is None) != (run.flaw, run.artifact is None):
            return "it has changed since"
        if before.state == "stale" and judge_run(again, workspace.places.of(again)).state != "stale":
            return "it has changed since"
        return None if one.is_part else watch.user_of(run.title)

    if one.is_part:
        return remove_part(workspace.root, run.path, one.path.name, reason_to_keep)
    return remove_run(workspace.root, run.path, reason_to_keep)


class _NewRuns:
    """Runs that were begun after a workspace was judged: what they read has to stay, and so does what failed to go."""

    def __init__(self, workspace: JudgedWorkspace) -> None:
        self._workspace = workspace
        self._read: dict[Path, int] = {}
        self._needed: dict[str, str] = {}
        self.stay: set[str] = set()

    def user_of(self, title: str) -> str | None:
        """The reason why a run has to stay after all."""
        user = next((user for user in self._workspace.made_from_it.get(title, ()) if user in self.stay), None)
        self._look()
        user = user or self._needed.get(title)
        return None if user is None else f"{user} was made from it"

    def _look(self) -> None:
        """Read the settings of runs that are new, or were opened again."""
        for title, path in _headers(self._workspace.root):
            try:
                written = path.stat().st_mtime_ns
            except OSError:
                continue
            if self._read.get(path) == written:
                continue
            self._read[path] = written
            header, judged = read_header(path.parent), self._workspace.by_title.get(title)
            if judged is None or judged.run.header != header:
                self._add(title, header)

    def _add(self, title: str, header: Any) -> None:
        places: Origins = self._workspace.places
        for given in inputs_of(header):
            place = places.place_of(given.path)
            if place is not None:
                self._needed[f"{place.command}/{place.name}"] = title


def _headers(root: Path) -> Iterator[tuple[str, Path]]:
    for row in PIPELINE:
        for folder in run_folders(root / row.command):
            yield f"{row.command}/{folder.name}", folder / SETTINGS


def _as_json(plan: CleaningPlan, result: CleaningResult | None) -> dict[str, Any]:
    gone = {one.title for one in result.removed} if result else set[str]()
    failed = result.failed if result else ()
    return {
        "removed" if result else "would_remove": [
            {"name": one.title, "path": str(one.path), "why": one.why, "disk_bytes": one.disk_bytes}
            for one in plan.removable
            if result is None or one.title in gone
        ],
        "kept": [{"name": one.title, "why": one.why} for one in (*plan.kept, *failed)],
        "disk_bytes": sum(one.disk_bytes for one in (result.removed if result else plan.removable)),
    }


def _show(root: Path, plan: CleaningPlan, result: CleaningResult | None) -> None:
    """A table of what goes, the runs that stay although they were selected, and the sum."""
    going = plan.removable if result is None else result.removed
    if going:
        title = "Would be removed" if result is None else "Removed"
        rows = [(shown(one.title), shown(one.why, 300), size_of(one.disk_bytes)) for one in going]
        console.print_table(f"{title} from {root}", ("run", "why", "disk"), rows)
    for kept in (*plan.kept, *(result.failed if result else ())):
        console.print_line(f"Kept: {shown(kept.title)}, since {shown(kept.why, 200)}")
    disk = size_of(sum(one.disk_bytes for one in going))
    if not going:
        console.print_line("Nothing to remove." if result is None else "Nothing was removed.")
    elif result is None:
        console.print_line(f"{disk} in total. Nothing is removed without --yes and the kinds to remove.")
    else:
        console.print_line(f"{disk} freed.")
