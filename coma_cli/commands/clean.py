"""`coma clean`: remove runs that are no longer needed."""

from typing import Annotated

import typer

from coma_cli.commands.shared import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption

BrokenOption = Annotated[
    bool,
    typer.Option("--broken", help="Runs that are unfinished and not being written, or whose files are broken"),
]
StaleOption = Annotated[
    bool, typer.Option("--stale", help="Runs of which an input or the version of their command has changed since")
]
SupersededOption = Annotated[
    bool, typer.Option("--superseded", help="Runs of which a later one of the same command and inputs is done")
]
OlderThanOption = Annotated[
    str | None,
    typer.Option(
        "--older-than", metavar="AGE", help="Only what is older, such as 30d, 12h or 2w; alone: any run that is older"
    ),
]
CheckpointsOption = Annotated[
    bool, typer.Option("--checkpoints", help="Only the checkpoints of finished runs of finetune, not the runs")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Remove it; without this option it is only shown")]


def clean(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    broken: BrokenOption = False,
    stale: StaleOption = False,
    superseded: SupersededOption = False,
    older_than: OlderThanOption = None,
    checkpoints: CheckpointsOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Show which runs of a workspace could be removed, why, and how much disk that frees; with --yes, remove them.

    Never removed: a run that a process writes, what another run was made from unless that goes too, and anything that
    a symbolic link leads to. Without an option, runs of all three kinds are shown.

    Example: coma clean --broken --older-than 7d --yes
    """
    import time

    from coma_cli.workbench.clean import clean as clean_workspace
    from coma_cli.workbench.removal_plan import KINDS, CleaningOrder, seconds_of_age

    wanted = dict(zip(KINDS, (broken, stale, superseded), strict=True))
    order = CleaningOrder(
        frozenset(kind for kind in KINDS if wanted[kind]),
        None if older_than is None else seconds_of_age(older_than),
        checkpoints,
    )
    clean_workspace(workspace, order, time.time(), remove=yes, as_json=json)
