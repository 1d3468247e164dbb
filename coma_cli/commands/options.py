"""The options that all commands share, and how they are carried to `execute`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_SHARED = "Shared"

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="COMA_WORKSPACE", help="Folder of runs.", rich_help_panel=_SHARED)
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Name of the run; default: subject and fingerprint.", rich_help_panel=_SHARED),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; flags override it.", rich_help_panel=_SHARED)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, dots for blocks; repeatable.", rich_help_panel=_SHARED
    ),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the run (0).", rich_help_panel=_SHARED)]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Discard what this run has made and begin anew.", rich_help_panel=_SHARED)
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, print the plan, do nothing.", rich_help_panel=_SHARED)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the summary as one JSON object.", rich_help_panel=_SHARED)
]

DEFAULT_WORKSPACE = Path("workspace")


@dataclass(frozen=True)
class Shared:
    """The shared options of one call."""

    workspace: Path = DEFAULT_WORKSPACE
    name: str | None = None
    config: Path | None = None
    assignments: tuple[str, ...] = ()
    seed: int | None = None
    force: bool = False
    dry_run: bool = False
    json: bool = False


def parse_list(text: str | None) -> list[str] | None:
    """A comma-separated option as a list; None stays None.

    Raises:
        UsageError: nothing is in it, as when a variable of the shell is empty.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        from coma_cli.errors import UsageError

        raise UsageError(f"{text!r} is an empty list.", "Give values with commas between them, or leave it out.")
    return parts
