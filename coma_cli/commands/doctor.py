"""`coma doctor`: is this machine ready, and what would make it so."""

from coma_cli.commands.shared import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption


def doctor(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Check this machine: versions, device and dtype speed, sandbox, Hub access, keys, disk and toolchains.

    Each problem comes with the line that fixes it. Keys are only said to be set or not. Exit code 0, or 1 if something
    that coma needs is broken; what is optional, such as a GPU, a key or the Hub, is not.

    Example: coma doctor
    """
    from coma_cli.workbench.doctor import diagnose, report

    report(diagnose(workspace), as_json=json)
