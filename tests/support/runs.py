"""Makes small finished and unfinished runs of any command in a workspace, by the workspace's own code."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.jsonl import read_json
from coma_cli.settings import StageSettings
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace
from coma_cli.workspace.artifact import MANIFEST


class AnySummary(BaseModel):
    """A summary with any fields."""

    model_config = ConfigDict(extra="allow")


class AnySettings(StageSettings):
    """Settings of no command in particular."""

    n: int = 1


def make_run(
    root: Path,
    command: str,
    name: str,
    *,
    inputs: Iterable[Artifact | Input] = (),
    files: Mapping[str, str] | None = None,
    summary: Mapping[str, Any] | None = None,
    settings: AnySettings | None = None,
    force: bool = False,
    **result: Any,
) -> Artifact:
    """A finished run with these files; further arguments are those of `StageResult`."""
    given = tuple(one.as_input() if isinstance(one, Artifact) else one for one in inputs)
    content = {"rows.jsonl": json.dumps({"of": name}) + "\n"} if files is None else files
    with Workspace(root).open_run(command, settings or AnySettings(), plan_of(given), name=name, force=force) as run:
        for place, text in content.items():
            path = run.path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        outputs = tuple(dict.fromkeys(place.partition("/")[0] for place in content))
        return run.finish(StageResult(AnySummary(**(summary or {})), outputs, **result))


def begin_run(root: Path, command: str, name: str, *, inputs: Iterable[Artifact | Input] = ()) -> Path:
    """An unfinished run, which no process holds; its folder."""
    given = tuple(one.as_input() if isinstance(one, Artifact) else one for one in inputs)
    with Workspace(root).open_run(command, AnySettings(), plan_of(given), name=name) as run:
        (run.path / "rows.jsonl").write_text("{}\n")
    return run.path


def copy_run(run: Path, name: str, **changes: Any) -> Path:
    """A copy of a finished run under another name, which takes a twentieth of the time of a new one."""
    shutil.copytree(run, run.parent / name)
    rewrite_manifest(run.parent / name, **changes)
    return run.parent / name


def plan_of(inputs: tuple[Input, ...]) -> Plan:
    """A plan of one unit of work."""
    return Plan(subject="toy", inputs=inputs, total=1, estimate={})


def rewrite_manifest(run: Path, **changes: Any) -> None:
    """Change fields of a finished run's manifest; None removes one."""
    content = {**read_json(run / MANIFEST), **changes}
    (run / MANIFEST).write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
