"""`coma status`: what is in a workspace."""

from typing import Annotated

import typer

from coma_cli.commands.shared import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

AllOption = Annotated[bool, typer.Option("--all", help="List all runs, not only the latest 20 of each command")]


def status(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE, all_runs: AllOption = False, json: JsonOption = False
) -> None:
    """List the runs of a workspace: their states, what each was made from, main figures, disk, and what to run next.

    States: done; running (a process writes it); stale (an input or the version of its command has changed since, or an
    input is gone); broken (unfinished, or its files don't fit its manifest). Nothing is changed.

    Example: coma status
    """
    from coma_cli import console
    from coma_cli.workbench.status import read_status, show_status

    found = read_status(workspace, None if workspace == DEFAULT_WORKSPACE else workspace)
    if json:
        console.print_json(found.as_json())
    else:
        show_status(found, all_runs=all_runs)
