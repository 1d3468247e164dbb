"""`coma status`: the runs of a workspace by stage, with states, origins, figures, disk, and what would run next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.pipeline import PIPELINE
from coma_cli.words import count_of, shown, size_of
from coma_cli.workbench.figures import line_of
from coma_cli.workbench.next_steps import NextLine, next_lines
from coma_cli.workbench.origins import RunOrigin
from coma_cli.workbench.states import STATES, JudgedRun, JudgedWorkspace, day_of, judge_workspace
from coma_cli.workspace.listing import size_of_folder
from coma_cli.workspace.removal import leftovers

MOST_SHOWN = 20  # runs of a stage in a table, unless all are wanted
_MOST_ORIGINS, _MOST_NEXT = 3, 5
# Inputs that say little about where a run comes from: every run of a stage has the same ones.
_BESIDE = ("bench:", "benchmark", "dedup:", "template")


@dataclass(frozen=True)
class DiskUse:
    """Allocated bytes of a workspace: its runs, the answers that they share, and all else in its folder."""

    runs: int
    answers: int
    other: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.runs + self.answers + self.other


@dataclass(frozen=True)
class WorkspaceStatus:
    """What `coma status` tells."""

    workspace: JudgedWorkspace
    disk: DiskUse
    next: Sequence[NextLine]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "workspace": str(self.workspace.root),
            "states": dict(Counter(run.state for run in self.workspace.runs)),
            "runs": [_run_as_json(self.workspace, run) for run in self.workspace.runs],
            "disk_bytes": {**vars(self.disk), "total": self.disk.total},
            "next": [vars(line) for line in self.next],
        }


def read_status(root: Path, told: Path | None = None) -> WorkspaceStatus:
    """The status of a workspace; `told` is the --workspace that the lines to type need, None for the default."""
    workspace = judge_workspace(root)
    return WorkspaceStatus(workspace, _disk(workspace), next_lines(workspace, told))


def _disk(workspace: JudgedWorkspace) -> DiskUse:
    runs = sum(run.run.size.allocated for run in workspace.runs)
    answers = size_of_folder(workspace.root / "answers").allocated
    commands = {row.command for row in PIPELINE}
    try:
        others = [path for path in workspace.root.iterdir() if path.name not in {*commands, "answers"}]
    except OSError:
        others = []
    folders = [path for path in others if path.is_dir() and not path.is_symlink()]
    left = sum(size_of_folder(path).allocated for path in [*folders, *leftovers(workspace.root)])
    return DiskUse(runs, answers, left)


def _run_as_json(workspace: JudgedWorkspace, run: JudgedRun) -> dict[str, Any]:
    artifact = run.run.artifact
    created = run.run.header.get("created")
    return {
        "command": run.run.command,
        "name": run.run.name,
        "path": str(run.run.path),
        "state": run.state,
        "reasons": list(run.reasons),
        "made_from": [_origin_as_json(workspace, origin) for origin in run.origins],
        "read_by": list(workspace.made_from_it.get(run.title, ())),
        "figures": dict(run.figures),
        "created": created if isinstance(created, str) else None,
        "finished": artifact.finished if artifact else None,
        "process": run.run.holder,
        "disk_bytes": run.run.size.allocated,
    }


def _origin_as_json(workspace: JudgedWorkspace, origin: RunOrigin) -> dict[str, Any]:
    run = origin.run
    return {
        "input": origin.input.name,
        "path": origin.input.path,
        "content_sha256": origin.input.content_sha256,
        "run": run.title if run else None,
        "state": workspace.by_title[run.title].state if run else None,
        "changed": origin.changed,
    }


def show_status(status: WorkspaceStatus, *, all_runs: bool = False) -> None:
    """Print a table per stage, the disk used and the lines to type next."""
    workspace = status.workspace
    for row in PIPELINE:
        runs = workspace.of_command(row.command)
        if runs:
            _show_stage(workspace, row.command, runs, len(runs) if all_runs else MOST_SHOWN)
    if not workspace.runs:
        console.print_line(f"No runs in {workspace.root}.")
    else:
        console.print_line(_disk_line(status.disk))
    if status.next:
        console.print_line("Next:")
    for line in status.next[:_MOST_NEXT]:
        console.print_command(f"  {line.line}", why=shown(line.why, 160))
    if len(status.next) > _MOST_NEXT:
        console.print_line(f"... and {count_of(len(status.next) - _MOST_NEXT, 'more line')}: coma status --json")


def _show_stage(workspace: JudgedWorkspace, command: str, runs: Sequence[JudgedRun], most: int) -> None:
    counts = Counter(run.state for run in runs)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    rows = [
        (
            shown(run.run.name),
            run.state,
            _made_from(workspace, run),
            "; ".join(_told(run)),
            size_of(run.run.size.allocated),
        )
        for run in runs[:most]
    ]
    title = f"{command}: {count_of(len(runs), 'run')} ({told})"
    console.print_table(title, ("run", "state", "made from", "result", "disk"), rows)
    if (hidden := len(runs) - most) > 0:
        console.print_line(f"... and {count_of(hidden, 'older run')}: coma status --all")


def _told(run: JudgedRun) -> Iterator[str]:
    """What a run made, when, and what is wrong with it."""
    if figures := line_of(run.figures):
        yield f"{figures}, {day_of(run.age_from)}"
    yield from (shown(reason, 200) for reason in run.reasons)


def _made_from(workspace: JudgedWorkspace, run: JudgedRun) -> str:
    """The runs that a run was made from, else the files and models; the state of a run that is not done."""
    runs = [origin for origin in run.origins if origin.run is not None]
    others = [o for o in run.origins if o.run is None and not o.input.name.startswith(_BESIDE)]
    names = [_origin_name(workspace, origin) for origin in [*runs, *others] or run.origins]
    first = list(dict.fromkeys(names))
    more = len(first) - _MOST_ORIGINS
    return "\n".join([*first[:_MOST_ORIGINS], *([f"{more} more"] if more > 0 else [])])


def _origin_name(workspace: JudgedWorkspace, origin: RunOrigin) -> str:
    if origin.run is None:
        path = origin.input.path
        name = path if len(path) <= 40 else f".../{path.rpartition('/')[2]}"
        return shown(name, 60)
    state = workspace.by_title[origin.run.title].state
    return shown(origin.run.title) if state == "done" else f"{shown(origin.run.title)} ({state})"


def _disk_line(disk: DiskUse) -> str:
    parts = [f"{size_of(disk.runs)} in runs"]
    parts += [f"{size_of(disk.answers)} of answers"] if disk.answers else []
    parts += [f"{size_of(disk.other)} of other files"] if disk.other else []
    return f"Disk: {', '.join(parts)}"
