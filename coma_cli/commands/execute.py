"""How every command runs: settings, plan, run, work, summary. The one place where these are joined.

Nothing but the standard library is imported here before a command really runs, so `coma --help` stays quick.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from coma_cli.commands.options import Shared
from coma_cli.pipeline import Stage, stage

if TYPE_CHECKING:
    from coma_cli.errors import CliError
    from coma_cli.settings import StageSettings
    from coma_cli.workspace import Plan, Run, StageResult, Workspace


class StageModule(Protocol):
    """What the module of a pipeline row offers.

    Optional are
    `identify(settings, workspace)`: subject and inputs alone, where a whole plan takes seconds, so that a finished run
        is found at once;
    `preview(settings, workspace)`: the plan of a dry run, where a real one would have to fetch what it plans with;
    `check(settings, summary)`: runs after the summary.
    """

    SETTINGS: "type[StageSettings]"

    def plan(self, settings: "StageSettings", workspace: "Workspace") -> "Plan":
        """Resolve inputs, count the work, find what stands in its way; changes nothing."""
        ...

    def work(self, run: "Run", settings: "StageSettings", plan: "Plan") -> "StageResult":
        """Do what is still missing in the run."""
        ...

    def headline(self, summary: Mapping[str, Any]) -> str:
        """One line on what was made, for tables of several runs."""
        ...

    def show(self, summary: Mapping[str, Any]) -> None:
        """Print the summary for a person."""
        ...


def execute(command: str, shared: Shared, flags: Mapping[str, Any]) -> None:
    """Run one command; `flags` are its own options by dotted settings name, None where not given."""
    from coma_cli import console
    from coma_cli.settings import load_settings
    from coma_cli.workspace import Workspace

    row = stage(command)
    module = cast(StageModule, importlib.import_module(row.module))
    settings = load_settings(
        module.SETTINGS, config=shared.config, assignments=shared.assignments, flags={"seed": shared.seed, **flags}
    )
    workspace = Workspace(shared.workspace)
    if shared.dry_run:
        plan = getattr(module, "preview", module.plan)(settings, workspace)
        _print_notes(plan)
        _show_plan(row, settings, plan, _blockers(plan, workspace), as_json=shared.json)
        return
    plan = getattr(module, "identify", module.plan)(settings, workspace)
    done = None if shared.force else workspace.finished_run(command, settings, plan, name=shared.name)
    if done is not None:
        _print_notes(plan)
        console.note(f"Already done: {done.path}")
        summary = dict(done.summary)
    else:
        plan = module.plan(settings, workspace) if hasattr(module, "identify") else plan
        summary = _make(row, module, settings, workspace, plan, shared)
    if shared.json:
        console.print_json(summary)
    else:
        module.show(summary)
    check = getattr(module, "check", None)
    if check is not None:
        check(settings, summary)


def _make(
    row: Stage, module: StageModule, settings: "StageSettings", workspace: "Workspace", plan: "Plan", shared: Shared
) -> dict[str, Any]:
    """Do what is missing in the run; its summary."""
    from coma_cli import console

    _print_notes(plan)
    for blocker in _blockers(plan, workspace):
        raise blocker
    with workspace.open_run(row.command, settings, plan, name=shared.name, force=shared.force) as run:
        if run.done:
            summary = run.summary
        else:
            artifact = run.finish(module.work(run, settings, plan))
            summary = dict(artifact.summary)
            if later := workspace.ahead_of(artifact):
                console.warn(f"The clock was set back: {later.path}, of {later.finished[:16]}, passes for the newest.")
        for corrupt in run.corrupt:
            console.warn(f"{corrupt}; left out, and its row made again")
        console.note(f"{'Already done' if run.done else 'Done'}: {run.path}")
    return summary


def _print_notes(plan: "Plan") -> None:
    from coma_cli import console

    for line in plan.notes:
        console.note(line)


def _blockers(plan: "Plan", workspace: "Workspace") -> "tuple[CliError, ...]":
    """Everything that stands in the way of the work."""
    unwritable = workspace.blocker()
    return (unwritable, *plan.blockers) if unwritable else plan.blockers


def _show_plan(
    row: Stage, settings: "StageSettings", plan: "Plan", blockers: "Sequence[CliError]", *, as_json: bool
) -> None:
    """Print what would be done; fail with the first obstacle after naming all of them."""
    from coma_cli import console

    content = {
        "command": row.command,
        "subject": plan.subject,
        "inputs": {i.name: i.path for i in plan.inputs},
        "leaves": list(row.leaves),
        row.unit: plan.total,
        "estimate": dict(plan.estimate),
        "blockers": [blocker.message for blocker in blockers],
    }
    if as_json:
        console.print_json({**content, "settings": settings.model_dump(mode="json")})
    else:
        console.print_values(f"Plan of coma {row.command}", content)
    for blocker in blockers[1:]:
        console.show_error(blocker.message, blocker.hint)
    if blockers:
        raise blockers[0]
