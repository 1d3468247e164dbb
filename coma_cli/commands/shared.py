"""What every command can be told beside its own settings, and its options."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from coma_cli.flags import SHARED
from coma_cli.shipped import shipped

Flags = Mapping[str, Any]
DEFAULT_WORKSPACE = Path("workspace")


def _configs(context: typer.Context) -> list[str]:
    return list(shipped(str(context.info_name)))


WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "-w",
        "--workspace",
        envvar="COMA_WORKSPACE",
        metavar="DIR",
        help=f"Folder of runs  [env: COMA_WORKSPACE; default: {DEFAULT_WORKSPACE}]",
        rich_help_panel=SHARED,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the run  [default: its subject and fingerprint]",
        rich_help_panel=SHARED,
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE|NAME",
        help="YAML file of settings, or the name of one that comes with coma; options override it",
        autocompletion=_configs,
        rich_help_panel=SHARED,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting by its key, with dots for blocks (repeatable)",
        rich_help_panel=SHARED,
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Discard this run's output and start over", rich_help_panel=SHARED)
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, print the plan, and stop", rich_help_panel=SHARED)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the summary as one JSON object", rich_help_panel=SHARED)
]


@dataclass(frozen=True)
class Shared:
    """The shared options of one call; `config` is a file, or the name of one that comes with coma."""

    workspace: Path = DEFAULT_WORKSPACE
    name: str | None = None
    config: str | None = None
    assignments: tuple[str, ...] = ()
    force: bool = False
    dry_run: bool = False
    json: bool = False


SHARED_OPTIONS: dict[str, tuple[Any, Any]] = {
    "workspace": (WorkspaceOption, DEFAULT_WORKSPACE),
    "name": (NameOption, None),
    "config": (ConfigOption, None),
    "set_": (SetOption, None),
    "force": (ForceOption, False),
    "dry_run": (DryRunOption, False),
    "json": (JsonOption, False),
}


def shared_of(given: Mapping[str, Any]) -> Shared:
    """The shared options among all that were given, by the names of their parameters."""
    values = {name: given[name] for name in SHARED_OPTIONS}
    return Shared(assignments=tuple(values.pop("set_") or ()), **values)
