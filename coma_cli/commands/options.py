"""The options that all commands share, and how they are carried to `execute`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

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


_SHARED_OPTIONS: dict[str, tuple[Any, Any]] = {
    "workspace": (WorkspaceOption, DEFAULT_WORKSPACE),
    "name": (NameOption, None),
    "config": (ConfigOption, None),
    "set_": (SetOption, None),
    "seed": (SeedOption, None),
    "force": (ForceOption, False),
    "dry_run": (DryRunOption, False),
    "json": (JsonOption, False),
}


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter is `Shared`, as one that has the shared options after its own.

    typer reads a command's options from its signature, so the signature is what is made here.
    """

    def run(**given: Any) -> None:
        shared = {name: given.pop(name) for name in _SHARED_OPTIONS}
        assignments = tuple(shared.pop("set_") or ())
        command(Shared(assignments=assignments, **shared), **given)

    own = list(inspect.signature(command).parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _SHARED_OPTIONS.items()
    ]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return run


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
