"""`coma finetune`: instruction rows and a base in; an adapter (or a whole model), its template and its metrics out.

    plan    data (latest build-data and gen-instructions, or --data), leaks of benchmarks, base, estimate, blockers
    work    rows -> token ids -> batches of every step -> Trainer -> adapter/ or model/, metrics.jsonl, dropped.jsonl
    show    the table at the end

The three modes are data (`modes`) on one code path. Batches are planned before the first step and checkpoints hold the
whole state, so a run that was killed ends in the same bytes as one that was not. It does not evaluate: see sample.
"""

import importlib.util
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY, NEVER_CHECKED, TrainingCheck
from coma_cli.errors import CliError, MissingInputError, UsageError, missing_package
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.prompting import PromptTemplate, choose_template
from coma_cli.records import DroppedRow
from coma_cli.stage import Stage
from coma_cli.training import checkpoints, estimate
from coma_cli.training.batching import Packing, all_batches, collate, steps_of
from coma_cli.training.decontamination import Leak, check_of_base, check_rows, trained_on
from coma_cli.training.encoding import TOO_LONG, EncodedRow, encode_row, encode_rows
from coma_cli.training.examples import ReadReport, TrainingFile, TrainingRow, choose_data, read_examples
from coma_cli.training.metrics import TrainingStep
from coma_cli.training.mixing import mixed
from coma_cli.training.modes import MODES, Mode
from coma_cli.training.settings import MOST_STEPS, FinetuneSettings
from coma_cli.training.shown_example import require_trained, show_example
from coma_cli.training.summary import FinetuneSummary, followed_by, headline, show
from coma_cli.words import count_of
from coma_cli.workspace import Input, Plan, Run, StageResult, Workspace

DROPPED = "dropped.jsonl"
METRICS = "metrics.jsonl"
_CONTINUATION = "continuation"
GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' under WSL
_MAX_SAVE_STEPS = 50
_SAVES_PER_RUN = 20


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


@dataclass(frozen=True)
class _Job:
    """Everything that is decided before the first step."""

    mode: Mode
    resolved: ResolvedBase
    trust: Trust
    tokenizer: Any
    template: PromptTemplate
    rows: tuple[EncodedRow, ...]
    skipped: Mapping[str, int]
    check: TrainingCheck
    batches: tuple[tuple[int, ...], ...]
    steps: int


def plan(settings: FinetuneSettings, workspace: Workspace) -> FinetunePlan:
    """Resolve data and base, check the rows, count rows and steps, estimate memory and time, find blockers."""
    mode, resolved, files = _resolve(settings, workspace)
    report = ReadReport()
    read, before = tuple(read_examples(files, report, settings.rows.columns)), check_of_base(resolved, workspace)
    checked = check_rows(files, read, report.rows, drop=settings.decontaminate, before=before)
    mixture = mixed(checked.rows, settings.rows.weights, settings.seed)
    rows = mixture.rows
    steps = steps_of(len(rows), settings.batch.rows_per_step, epochs=settings.epochs, max_steps=settings.max_steps)
    if steps > MOST_STEPS:
        raise UsageError(f"{steps:.4g} steps are more than the limit of {MOST_STEPS:,}.", "Lower --epochs.")
    counts = ", ".join(f"{count_of(report.rows[file.input.name], 'row')} of {report.named(file)}" for file in files)
    notes = (*report.columns(), *report.warnings(), *checked.notes, *mixture.notes)
    return FinetunePlan(
        subject=_subject(resolved, mode),
        inputs=_inputs(settings, resolved, files),
        total=steps,
        estimate=_estimate(settings, mode, resolved, rows, steps),
        blockers=tuple(_blockers(settings, mode, resolved)),
        notes=(f"Tuning {resolved.name} ({mode.name}) on {counts}.", *notes),
        base=resolved,
        mode=mode,
        rows=rows,
        report=report,
        dropped=checked.dropped,
        leaks=checked.leaks,
        check=checked.check,
    )


def preview(settings: FinetuneSettings, workspace: Workspace) -> FinetunePlan:
    """As `plan`, for a dry run: shows one row as it is trained, where the base's tokenizer is here."""
    planned = plan(settings, workspace)
    assert planned.base is not None
    here = planned.base.blocker is None and planned.base.kind != "hub"
    if here and all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        from coma_cli.models.loading import load_tokenizer

        tokenizer = load_tokenizer(planned.base, trust=_trust(settings))
        show_example(encode_row(planned.rows[0], _template(settings, planned.base, tokenizer), tokenizer), tokenizer)
    else:
        console.note("The base's tokenizer is not here, so no row is shown as it would be trained.")
    return planned


def identify(settings: FinetuneSettings, workspace: Workspace) -> Plan:
    """The part of a plan that identifies a run, without the rows, which take seconds to read and check."""
    mode, resolved, files = _resolve(settings, workspace)
    return Plan(_subject(resolved, mode), _inputs(settings, resolved, files), 0, {})


def _resolve(settings: FinetuneSettings, workspace: Workspace) -> tuple[Mode, ResolvedBase, tuple[TrainingFile, ...]]:
    resolved = resolve_base(settings.base, revision=settings.revision, trust=_trust(settings))
    return MODES[settings.mode], resolved, choose_data(workspace, settings.data)


def _subject(resolved: ResolvedBase, mode: Mode) -> str:
    return f"{resolved.subject}-{mode.name}"


def _inputs(settings: FinetuneSettings, resolved: ResolvedBase, files: tuple[TrainingFile, ...]) -> tuple[Input, ...]:
    return (resolved.as_input(), *(file.input for file in files), *_template_input(settings))


def _template_input(settings: FinetuneSettings) -> list[Input]:
    """The user's own template, which counts by its content."""
    return [Input.of_path("template", settings.template_file)] if settings.template_file else []


def _trust(settings: FinetuneSettings) -> Trust:
    return Trust(remote_code=settings.runtime.trust_remote_code, pickled=settings.runtime.allow_pickle)


def _estimate(
    settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase, rows: tuple[TrainingRow, ...], steps: int
) -> dict[str, Any]:
    characters = sum(len(row.instruction) + len(row.input) + len(row.output) for row in rows)
    a_row = min(settings.max_seq_len, characters / len(rows) / estimate.CHARACTERS_PER_TOKEN + 40)
    tokens = int(steps * settings.batch.rows_per_step * a_row)
    shape = estimate.architecture_of(resolved)
    sizes = {} if shape is None else estimate.estimate(settings, mode, shape, tokens, on_cpu=_is_cpu(settings)).shown()
    return {"rows": len(rows), "steps": steps, "tokens_about": tokens, **sizes}


def _is_cpu(settings: FinetuneSettings) -> bool:
    """Whether training will be on the CPU; checks for driver files instead of importing torch."""
    if settings.runtime.device != "auto":
        return settings.runtime.device == "cpu"
    return not any(map(os.path.exists, GPU_DRIVERS))


def _blockers(settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase) -> list[CliError]:
    absent = [package for package in mode.packages if importlib.util.find_spec(package) is None]
    found: list[CliError] = [missing_package(package, f"--{mode.name}") for package in absent]
    if settings.runtime.device.startswith("cuda") and not any(map(os.path.exists, GPU_DRIVERS)):
        found.append(UsageError(f"This machine has no device {settings.runtime.device}.", "--set runtime.device=cpu"))
    return [*found, resolved.blocker] if resolved.blocker else found


def work(run: Run, settings: FinetuneSettings, plan: FinetunePlan) -> StageResult:
    """Encode the rows, train the missing steps, and write adapter or model."""
    job = _settle(run, settings, plan)
    run.plan = replace(plan, total=job.steps)
    summary = _train(run, settings, job, plan)
    facts = {MANIFEST_KEY: job.check.to_manifest()}
    return StageResult(summary, (job.mode.output, METRICS, DROPPED), tokens=summary.tokens, facts=facts)


def _settle(run: Run, settings: FinetuneSettings, plan: FinetunePlan) -> _Job:
    """Tokenizer, template, token ids and the batches of all steps."""
    from coma_cli.models.loading import load_tokenizer

    assert plan.base is not None
    trust = _trust(settings)
    tokenizer = load_tokenizer(plan.base, trust=trust)
    template = _template(settings, plan.base, tokenizer)
    rows, too_long = _encode(settings, plan, template, tokenizer)
    dropped = [*plan.dropped, *too_long]
    write_rows(run.path / DROPPED, (row.to_row() for row in sorted(dropped, key=lambda row: row.id)))
    steps = steps_of(len(rows), settings.batch.rows_per_step, epochs=settings.epochs, max_steps=settings.max_steps)
    lengths = [len(row.ids) for row in rows]
    size, accumulation = settings.batch.size, settings.batch.accumulation
    batches = all_batches(lengths, size, accumulation, settings.seed, steps, settings.rows.batching)
    skipped = Counter(row.reason for row in dropped) + (plan.report.skipped if plan.report else Counter())
    return _Job(
        mode=plan.mode,
        resolved=plan.base,
        trust=trust,
        tokenizer=tokenizer,
        template=template,
        rows=rows,
        skipped=skipped,
        check=trained_on(plan.check, plan.leaks, {row.id for row in too_long}),
        batches=tuple(map(tuple, batches)),
        steps=steps,
    )


def _template(settings: FinetuneSettings, resolved: ResolvedBase, tokenizer: Any) -> PromptTemplate:
    """The requested template; `auto` is the one of a tuned base, else the catalogue's, else the tokenizer's."""
    stored = PromptTemplate.load(Path(resolved.path_or_id)) if resolved.kind == "folder" else None
    if settings.template == "auto" and stored is None and resolved.entry is not None:
        return choose_template(resolved.entry.template, tokenizer)
    return choose_template(settings.template, tokenizer, stored)


def _encode(
    settings: FinetuneSettings, plan: FinetunePlan, template: PromptTemplate, tokenizer: Any
) -> tuple[tuple[EncodedRow, ...], list[DroppedRow]]:
    rows: list[EncodedRow] = []
    dropped: list[DroppedRow] = []
    with console.progress("Tokenizing", len(plan.rows)) as ticker:
        cut_prompts = settings.rows.truncate == "prompt"
        for encoded in encode_rows(plan.rows, template, tokenizer, settings.max_seq_len, cut_prompts=cut_prompts):
            ticker.advance()
            if isinstance(encoded, EncodedRow):
                rows.append(encoded)
            else:
                dropped.append(encoded)
    for reason, count in Counter(row.reason for row in dropped).items():
        what = f"longer than {settings.max_seq_len} tokens" if reason == TOO_LONG else reason
        console.warn(f"{count} of {count_of(len(plan.rows), 'row')} dropped: {what}.")
    if cut := [row.cut for row in rows if row.cut]:
        console.warn(f"The prompts of {count_of(len(cut), 'row')} were cut by {sum(cut)} tokens in all; no answer was.")
    if not rows:
        raise MissingInputError(
            f"No row fits into {settings.max_seq_len} tokens.",
            f"Raise --max-seq-len; the first: {dropped[0].detail}.",
        )
    require_trained(rows, template, tokenizer)
    show_example(rows[0], tokenizer)
    return tuple(rows), list({row.id: row for row in dropped}.values())


def _train(run: Run, settings: FinetuneSettings, job: _Job, plan: FinetunePlan) -> FinetuneSummary:
    """Continue from the latest complete checkpoint; the last one becomes the output."""
    from coma_cli.models.base_record import BaseRecord
    from coma_cli.models.loading import choose_placement, load_generation_config
    from coma_cli.training.outputs import assemble
    from coma_cli.training.preparation import prepare

    placement = choose_placement(settings.runtime.device, settings.dtype, training=True)
    for line in placement.replaced:
        console.warn(f"Replaced {line}.")
    prepared = prepare(settings, job.mode, job.resolved, placement, job.trust)
    final = _steps(run, settings, job, prepared.model, placement)
    base = BaseRecord(
        job.resolved.name,
        job.resolved.published_name,
        job.resolved.revision,
        job.resolved.content_sha256,
        job.mode.four_bit,
        placement.dtype_name,
    )
    made = assemble(
        final.path,
        run.scratch("output") / job.mode.output,
        job.mode,
        job.resolved,
        base,
        job.tokenizer,
        job.template,
        load_generation_config(job.resolved, trust=job.trust),
    )
    run.place(made, job.mode.output)
    if settings.can_be_extended and job.mode.adapter:
        _keep_for_more_steps(run, final)
    return _summary(run, settings, job, plan, prepared, placement)


def _steps(run: Run, settings: FinetuneSettings, job: _Job, model: Any, placement: Any) -> checkpoints.Checkpoint:
    """Train the missing steps; the complete checkpoint of the last one."""
    from coma_cli.training.trainer import StepRecorder, arguments, train

    folder = run.scratch("checkpoints")
    begun = _latest(run, job.steps)
    done = begun.step if begun else 0
    _forget_steps_after(run.path / METRICS, done)
    if done < job.steps:
        save_steps = settings.runtime.save_steps or max(1, min(_MAX_SAVE_STEPS, job.steps // _SAVES_PER_RUN))
        options = {
            "model": model,
            "args": arguments(settings, job.mode, placement, folder, job.steps, save_steps),
        }
        with console.progress("Training", job.steps, done) as ticker:
            recorder = StepRecorder(run, run.journal(METRICS, TrainingStep), ticker, _tokens_per_step(settings, job))
            collator = Packing(settings.max_seq_len) if settings.rows.batching == "packing" else collate
            train(options, [list(batch) for batch in job.batches], job.rows, recorder, begun, collator)
    run.journal(METRICS, TrainingStep)
    final = _latest(run, job.steps)
    assert final is not None and final.step == job.steps
    return final


def _latest(run: Run, at_most: int) -> checkpoints.Checkpoint | None:
    """The checkpoint to continue from: of a killed start of this run, or of the shorter run that it extends."""
    found = [
        checkpoints.latest(folder, at_most=at_most) for folder in (run.scratch("checkpoints"), run.path / _CONTINUATION)
    ]
    return max((c for c in found if c is not None), key=lambda c: c.step, default=None)


def _forget_steps_after(path: Path, step: int) -> None:
    """Remove the metrics of steps that will be made again, or that a shorter run does not have."""
    if not path.exists():
        return
    rows = list(read_rows(path, lambda corrupt: None))
    kept = [row for row in rows if row.get("step", 0) <= step]
    if len(kept) < len(rows):
        write_rows(path, kept)


def _keep_for_more_steps(run: Run, final: checkpoints.Checkpoint) -> None:
    """Move the last checkpoint out of scratch, so that a larger number of steps continues from here."""
    folder = run.path / _CONTINUATION
    folder.mkdir(exist_ok=True)
    kept = checkpoints.Checkpoint(folder / final.path.name, final.step)
    if final.path != kept.path:
        final.path.rename(kept.path)
    checkpoints.remove_others(folder, kept)


def _tokens_per_step(settings: FinetuneSettings, job: _Job) -> list[int]:
    a = settings.batch.accumulation
    lengths = [sum(len(job.rows[row].ids) for row in batch) for batch in job.batches]
    return [sum(lengths[i : i + a]) for i in range(0, len(lengths), a)]


def _summary(
    run: Run, settings: FinetuneSettings, job: _Job, plan: FinetunePlan, prepared: Any, placement: Any
) -> FinetuneSummary:
    losses = [row.loss for row in run.journal(METRICS, TrainingStep).rows()]
    tail = losses[-max(1, len(losses) // 10) :]
    seen = sum(len(batch) for batch in job.batches)
    return FinetuneSummary(
        base=job.resolved.name,
        mode=job.mode.name,
        template=job.template.name,
        template_sha256=job.template.sha256,
        rows=dict(plan.report.rows) if plan.report else {},
        rows_trained_on=len(job.rows),
        rows_skipped=dict(job.skipped),
        checked_against=job.check.covers,
        contaminated=job.check.found,
        decontaminated=settings.decontaminate,
        steps=job.steps,
        epochs=round(seen / len(job.rows), 4),
        tokens=sum(_tokens_per_step(settings, job)),
        parameters=prepared.total,
        trainable_parameters=prepared.trainable,
        first_loss=losses[0],
        last_loss=sum(tail) / len(tail),
        device=placement.device,
        dtype=placement.dtype_name,
        replaced=list(placement.replaced),
        output=str(run.path / job.mode.output),
    )


STAGE = Stage(
    settings=FinetuneSettings,
    plan=plan,
    work=work,
    show=show,
    headline=headline,
    identify=identify,
    followed_by=followed_by,
    preview=preview,
)
