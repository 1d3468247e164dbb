"""How every command runs: settings, plan, run, work, summary. The one place where these are joined.

Nothing but the standard library is imported here before a command really runs, so `coma --help` stays quick.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from coma_cli.commands.shared import Flags, Shared
from coma_cli.pipeline import PipelineRow, next_command, row_of

if TYPE_CHECKING:
    from coma_cli.errors import CliError
    from coma_cli.settings import StageSettings
    from coma_cli.stage import P, S, Stage
    from coma_cli.workspace import Artifact, Plan, Workspace


def execute(command: str, shared: Shared, flags: Flags) -> None:
    """Run one command; `flags` are its own options by dotted settings name, None where not given.

    Of several processes that a launcher starts for it, the first one runs it, if its stage can use the others.
    """
    from coma_cli.parallel.ranks import ProcessRank, leading
    from coma_cli.stage import stage_of

    stage, rank = stage_of(command), ProcessRank.of_environment()
    if rank is None or stage.assist is None:
        _execute(command, stage, shared, flags)
    elif rank.number > 0:
        stage.assist()
    else:
        with leading(rank):
            _execute(command, stage, shared, flags)


def _execute(command: str, stage: "Stage[S, P]", shared: Shared, flags: Flags) -> None:
    from coma_cli.settings import load_settings
    from coma_cli.shipped import find_file
    from coma_cli.workspace import Workspace

    settings = load_settings(
        stage.settings,
        config=None if shared.config is None else find_file(command, "settings file", shared.config),
        assignments=shared.assignments,
        flags=flags,
        command=command,
    )
    _run_stage(row_of(command), stage, settings, Workspace(shared.workspace), shared)


def finished_run(command: str, shared: Shared, flags: Flags) -> "Artifact":
    """The finished run of a command, which is made unless it is there, for a command that reads it.

    Only notes and progress are printed, and nothing is checked or published.
    """
    from coma_cli.settings import load_settings
    from coma_cli.stage import stage_of
    from coma_cli.workspace import Workspace

    stage = stage_of(command)
    settings = load_settings(stage.settings, flags=flags, command=command)
    return _artifact(row_of(command), stage, settings, Workspace(shared.workspace), shared)


def _run_stage(row: PipelineRow, stage: "Stage[S, P]", settings: "S", workspace: "Workspace", shared: Shared) -> None:
    """Show the plan of a dry run; else do what is missing, show the summary and check it."""
    from coma_cli import console

    if shared.dry_run:
        plan = (stage.preview or stage.plan)(settings, workspace)
        _print_notes(plan)
        _show_plan(row, settings, plan, _blockers(row, plan, workspace), as_json=shared.json)
        return
    artifact = _artifact(row, stage, settings, workspace, shared)
    summary = dict(artifact.summary)
    if not shared.json:
        stage.show(summary)
    published = stage.publish(settings, artifact) if stage.publish is not None else None
    if shared.json:
        console.print_json({**summary, "published": published} if published else summary)
    else:
        following = stage.followed_by(summary) if stage.followed_by else next_command(row.command)
        if following is not None:
            console.note(f"Next: coma {following}")
    if stage.check is not None:
        stage.check(settings, artifact)


def _artifact(
    row: PipelineRow, stage: "Stage[S, P]", settings: "S", workspace: "Workspace", shared: Shared
) -> "Artifact":
    """The finished run, which is made unless it is there."""
    if stage.identify is not None:
        done = _finished(row, settings, stage.identify(settings, workspace), workspace, shared)
        if done is not None:
            return done
    plan = stage.plan(settings, workspace)
    done = _finished(row, settings, plan, workspace, shared)
    return _make(row, stage, settings, plan, workspace, shared) if done is None else done


def _finished(
    row: PipelineRow, settings: "StageSettings", plan: "Plan", workspace: "Workspace", shared: Shared
) -> "Artifact | None":
    """The run if it is finished already."""
    from coma_cli import console

    done = None if shared.force else workspace.finished_run(row.command, settings, plan, name=shared.name)
    if done is None:
        return None
    _print_notes(plan)
    console.note(f"Already done: {done.path}")
    return done


def _make(
    row: PipelineRow, stage: "Stage[S, P]", settings: "S", plan: "P", workspace: "Workspace", shared: Shared
) -> "Artifact":
    """Do what is missing in the run."""
    from coma_cli import console

    _print_notes(plan)
    for blocker in _blockers(row, plan, workspace):
        raise blocker
    with workspace.open_run(row.command, settings, plan, name=shared.name, force=shared.force) as run:
        if run.done:
            artifact = run.artifact
        else:
            artifact = run.finish(stage.work(run, settings, plan))
            if later := workspace.ahead_of(artifact):
                console.warn(
                    f"The clock was set back: {later.path}, finished {later.finished[:16]}, counts as the latest."
                )
        for corrupt in run.corrupt:
            console.warn(f"{corrupt}; skipped, and its row was made again")
        console.note(f"{'Already done' if run.done else 'Done'}: {run.path}")
    return artifact


def _print_notes(plan: "Plan") -> None:
    from coma_cli import console

    for line in plan.notes:
        console.note(line)


def _blockers(row: PipelineRow, plan: "Plan", workspace: "Workspace") -> "tuple[CliError, ...]":
    """Everything that the work is blocked by."""
    unwritable = workspace.blocker(row.command)
    return (unwritable, *plan.blockers) if unwritable else plan.blockers


def _is_table(value: object) -> bool:
    """Whether a part of an estimate is a mapping of mappings, which is shown as a table."""
    return isinstance(value, Mapping) and bool(value) and all(isinstance(cells, Mapping) for cells in value.values())


def _cell(column: str, value: object) -> str:
    """A value of such a table; sizes in a readable unit."""
    from coma_cli.words import size_of

    if value is None:
        return "unknown"
    return size_of(value) if column.startswith("bytes") and isinstance(value, int) else str(value)


def _show_plan(
    row: PipelineRow, settings: "StageSettings", plan: "Plan", blockers: "Sequence[CliError]", *, as_json: bool
) -> None:
    """Print what would be done; fail with the first blocker after naming all of them."""
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
        tables = {name: value for name, value in plan.estimate.items() if _is_table(value)}
        rest = {name: value for name, value in plan.estimate.items() if name not in tables}
        console.print_values(f"Plan of coma {row.command}", {**content, "estimate": rest})
        for name, table in tables.items():
            columns = list(dict.fromkeys(column for cells in table.values() for column in cells))
            rows = [(key, *(_cell(column, cells.get(column)) for column in columns)) for key, cells in table.items()]
            console.print_table(name.capitalize(), ("", *columns), rows)
    for blocker in blockers[1:]:
        console.show_error(blocker)
    if blockers:
        raise blockers[0]
