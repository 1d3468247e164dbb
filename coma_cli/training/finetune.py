"""`coma finetune`: instruction rows and a base in; an adapter (or a whole model), its template and its metrics out.

    plan    data (latest build-data and gen-instructions, or --data), leaks of benchmarks, base, estimate, blockers
    work    rows -> token ids -> batches of every step -> Trainer (`steps`) -> adapter/ or model/, metrics.jsonl
    show    the table at the end

The modes are data (`modes`) on one code path. Batches are planned before the first step and checkpoints hold the
whole state, so a run that was killed ends in the same bytes as one that was not. It does not evaluate: see sample.
"""

import importlib.util
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY, NEVER_CHECKED, TrainingCheck
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import write_rows
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.records import DroppedRow
from coma_cli.stage import Stage
from coma_cli.training import requirements
from coma_cli.training.batching import steps_of
from coma_cli.training.continuing import StartingPoint, base_of, starting_point
from coma_cli.training.decontamination import Leak, check_of_base, check_rows, trained_on
from coma_cli.training.encoding import EncodedRow, encode_row, encode_rows
from coma_cli.training.examples import ReadReport, TrainingFile, TrainingRow, choose_data, read_examples
from coma_cli.training.job import TuningJob, plan_batches
from coma_cli.training.metrics import METRICS, steps_made
from coma_cli.training.mixing import mixed
from coma_cli.training.modes import MODES, Mode
from coma_cli.training.pushing.push import push_blockers, push_model, push_notes
from coma_cli.training.reporting import reports
from coma_cli.training.settings import MOST_STEPS, FinetuneSettings
from coma_cli.training.shown_example import show_example
from coma_cli.training.summary import followed_by, headline, show
from coma_cli.training.tokenizing import probes_of, template_for, tokenize
from coma_cli.training.validation_rows import NO_ROWS, ValidationRows, held_out, validation_files
from coma_cli.words import count_of
from coma_cli.workspace import Artifact, Input, Plan, Run, StageResult, Workspace

DROPPED = "dropped.jsonl"
NO_PROBE = "Warning: --probe has no rows to answer: the data holds out none; see --validation"


@dataclass(frozen=True)
class FinetunePlan(Plan):
    """What `plan` resolved: the base, the mode and the rows.

    `dropped` rows hold problems of benchmarks, and so do the `leaks` among the others; `check` is what is known of all
    rows that the model will have seen.
    """

    base: ResolvedBase | None = None
    mode: Mode = MODES["lora"]
    rows: tuple[TrainingRow, ...] = ()
    report: ReadReport | None = None
    dropped: tuple[DroppedRow, ...] = ()
    leaks: Mapping[str, Leak] = field(default_factory=dict)
    check: TrainingCheck = NEVER_CHECKED
    validation: ValidationRows = NO_ROWS
    start: StartingPoint | None = None


@dataclass(frozen=True)
class _Resolved:
    """What identifies a run."""

    mode: Mode
    base: ResolvedBase
    files: tuple[TrainingFile, ...]
    validation: tuple[TrainingFile, ...]
    start: StartingPoint | None


def plan(settings: FinetuneSettings, workspace: Workspace) -> FinetunePlan:
    """Resolve data and base, check the rows, count rows and steps, estimate memory and time, find blockers.

    Raises:
        UsageError: `for_device` is set, without a dry run.
    """
    if settings.runtime.for_device is not None:
        raise UsageError("--for-device is for estimates.", "Add --dry-run, or omit it to train on this machine.")
    return _planned(settings, workspace)


def _planned(settings: FinetuneSettings, workspace: Workspace) -> FinetunePlan:
    found = _resolve(settings, workspace)
    mode, resolved, files = found.mode, found.base, found.files
    report = ReadReport()
    before = (*check_of_base(resolved, workspace), *(found.start.seen if found.start else ()))
    read = tuple(read_examples(files, report, settings.rows.columns))
    checked = check_rows(files, read, report.rows, drop=settings.decontaminate, before=before)
    kept, validation = held_out(settings, checked.rows, files, found.validation)
    mixture = mixed(kept, settings.rows.weights, settings.seed)
    rows = mixture.rows
    steps = steps_of(len(rows), settings.batch.rows_per_step, epochs=settings.epochs, max_steps=settings.max_steps)
    if steps > MOST_STEPS:
        raise UsageError(f"{steps:.4g} steps are more than the limit of {MOST_STEPS:,}.", "Lower --epochs.")
    counts = ", ".join(f"{count_of(report.rows[file.input.name], 'row')} of {report.named(file)}" for file in files)
    needs = requirements.needed(settings, mode, resolved, rows, steps)
    return FinetunePlan(
        subject=_subject(resolved, mode),
        inputs=_inputs(settings, found),
        total=steps,
        estimate={"rows": len(rows), "validation_rows": len(validation.rows), "steps": steps, **needs.shown},
        blockers=(
            *requirements.blockers(settings, mode, resolved, needs, workspace.root),
            *reports.blockers(settings.runtime.report_to),
            *push_blockers(settings.push_to_hub, public=settings.public),
        ),
        notes=(
            f"Tuning {resolved.name} ({mode.name}) on {counts}.",
            *report.columns(),
            *report.warnings(),
            *checked.notes,
            *mixture.notes,
            *requirements.notes(settings, resolved),
            *([] if validation.rows or not settings.probe.every else [NO_PROBE]),
            *push_notes(settings.push_to_hub, public=settings.public),
        ),
        base=resolved,
        mode=mode,
        rows=rows,
        report=report,
        dropped=checked.dropped,
        leaks=checked.leaks,
        check=checked.check,
        validation=validation,
        start=found.start,
    )


def preview(settings: FinetuneSettings, workspace: Workspace) -> FinetunePlan:
    """The same for a dry run, maybe for another device: shows one row as it is trained, if the tokenizer is here."""
    planned = _planned(settings, workspace)
    assert planned.base is not None
    here = planned.base.blocker is None and planned.base.kind != "hub"
    if here and all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        from coma_cli.models.loading import load_tokenizer

        tokenizer = load_tokenizer(planned.base, trust=_trust(settings))
        template = template_for(settings, planned.base, planned.start, tokenizer)
        show_example(encode_row(planned.rows[0], template, tokenizer), tokenizer)
    else:
        console.note("The base's tokenizer is not here, so no row is shown as it would be trained.")
    return planned


def identify(settings: FinetuneSettings, workspace: Workspace) -> Plan:
    """The part of a plan that identifies a run, without the rows, which take seconds to read and check."""
    found = _resolve(settings, workspace)
    return Plan(_subject(found.base, found.mode), _inputs(settings, found), 0, {})


def _resolve(settings: FinetuneSettings, workspace: Workspace) -> _Resolved:
    start, trust = starting_point(settings, workspace), _trust(settings)
    resolved = (
        resolve_base(settings.base, revision=settings.revision, trust=trust)
        if start is None
        else base_of(start, settings, trust)
    )
    files = choose_data(workspace, settings.data)
    validation = validation_files(settings, workspace, files)
    if not validation and settings.validation.fraction is None and _validates(settings):
        raise MissingInputError(
            "--keep-best and --patience need validation rows, and the data holds out none.",
            "--validation FILE, or a share of the rows such as --validation 0.05",
        )
    return _Resolved(MODES[settings.mode], resolved, files, validation, start)


def _validates(settings: FinetuneSettings) -> bool:
    return settings.validation.keep_best or settings.validation.patience is not None


def _subject(resolved: ResolvedBase, mode: Mode) -> str:
    return f"{resolved.subject}-{mode.name}"


def _inputs(settings: FinetuneSettings, found: _Resolved) -> tuple[Input, ...]:
    start = [found.start.input] if found.start else []
    named = [file.input for file in found.validation if file.input.name == "validation"]  # others are data runs' own
    return (found.base.as_input(), *(file.input for file in found.files), *named, *start, *_template_input(settings))


def _template_input(settings: FinetuneSettings) -> list[Input]:
    """The user's own template, which counts by its content."""
    return [Input.of_path("template", settings.template_file)] if settings.template_file else []


def _trust(settings: FinetuneSettings) -> Trust:
    return Trust(remote_code=settings.runtime.trust_remote_code, pickled=settings.runtime.allow_pickle)


def work(run: Run, settings: FinetuneSettings, plan: FinetunePlan) -> StageResult:
    """Encode the rows, train the missing steps, and write adapter or model."""
    from coma_cli.training.tuning import tune

    job = _settle(run, settings, plan)
    run.plan = replace(plan, total=job.steps)
    summary = tune(run, settings, job, plan.report.rows if plan.report else {})
    facts = {MANIFEST_KEY: job.check.to_manifest()}
    return StageResult(summary, (job.mode.output, METRICS, DROPPED), tokens=summary.tokens, facts=facts)


def assist() -> None:
    """What ranks other than 0 do: train together with rank 0, if it has something to train."""
    from coma_cli.training.tuning import help_tune

    help_tune()


def _settle(run: Run, settings: FinetuneSettings, plan: FinetunePlan) -> TuningJob:
    """Tokenizer, template, token ids and the batches of all steps."""
    from coma_cli.models.loading import load_tokenizer

    assert plan.base is not None
    trust = _trust(settings)
    tokenizer = load_tokenizer(plan.base, trust=trust)
    template = template_for(settings, plan.base, plan.start, tokenizer)
    rows, too_long = tokenize(settings, plan.rows, template, tokenizer)
    dropped = [*plan.dropped, *too_long]
    steps = steps_of(len(rows), settings.batch.rows_per_step, epochs=settings.epochs, max_steps=settings.max_steps)
    _refuse_fewer(run, steps)
    write_rows(run.path / DROPPED, (row.to_row() for row in sorted(dropped, key=lambda row: row.id)))
    skipped = Counter(row.reason for row in dropped) + (plan.report.skipped if plan.report else Counter())
    held = encode_rows(plan.validation.rows, template, tokenizer, settings.max_seq_len)
    return TuningJob(
        mode=plan.mode,
        resolved=plan.base,
        trust=trust,
        tokenizer=tokenizer,
        template=template,
        rows=rows,
        skipped=skipped,
        check=trained_on(
            plan.check, plan.leaks, {row.id for row in too_long} | {row.id for row in plan.validation.rows}
        ),
        batch=settings.batch,
        batches=plan_batches(rows, settings.batch, settings.seed, steps, settings.rows.batching),
        batching=settings.rows.batching,
        steps=steps,
        held_out=tuple(row for row in held if isinstance(row, EncodedRow)),
        probes=probes_of(settings, plan.validation, template, tokenizer),
        adapter=plan.start.adapter if plan.start else None,
    )


def _refuse_fewer(run: Run, steps: int) -> None:
    """A run is never shortened: what it has made beyond these steps would be lost.

    Raises:
        UsageError: it has made more steps than are requested. The run is left as it was.
    """
    made = steps_made(run)
    if made > steps:
        run.withdraw()
        raise UsageError(
            f"{run.path} has made {count_of(made, 'step')} already, more than the {steps} requested.",
            "--name NAME for a run of its own, more steps to continue it, or --force to discard it.",
        )


def publish(settings: FinetuneSettings, artifact: Artifact) -> Mapping[str, Any] | None:
    """Push a finished run to the Hugging Face Hub if the settings say so: where it is then."""
    return push_model(settings.push_to_hub, artifact, public=settings.public)


STAGE = Stage(
    settings=FinetuneSettings,
    plan=plan,
    work=work,
    show=show,
    headline=headline,
    identify=identify,
    followed_by=followed_by,
    preview=preview,
    publish=publish,
    assist=assist,
)
