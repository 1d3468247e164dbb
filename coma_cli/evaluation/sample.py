"""`coma sample`: a model's completions of a benchmark's problems.

    problems + model  ->  prompts (template)  ->  completions (engine)  ->  samples.jsonl, problems.jsonl

Wanted rows minus existing ones are generated and appended one by one. A row's random numbers depend on its own seed
only; with `--deterministic` its bits do not depend on other rows either, so a run may be interrupted and extended at
will. The problems are saved with the samples: scoring needs nothing else.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY
from coma_cli.engines.choose import open_openai
from coma_cli.engines.interface import Engine, GenerationResponse
from coma_cli.engines.many_workers import ManyWorkersEngine
from coma_cli.engines.worker import assist
from coma_cli.errors import CliError
from coma_cli.evaluation.sampling import summary as sample_summary
from coma_cli.evaluation.sampling.engine_record import EngineRecord
from coma_cli.evaluation.sampling.exports import write_exports
from coma_cli.evaluation.sampling.local_engine import local_engine
from coma_cli.evaluation.sampling.planning import SamplePlan, make_identity, make_plan
from coma_cli.evaluation.sampling.protocol_settings import departures
from coma_cli.evaluation.sampling.ranking import RANKINGS, rank, with_candidates
from coma_cli.evaluation.sampling.row_names import RowName
from coma_cli.evaluation.sampling.rows import prompt_hashes, requests_of, rows_without_room, sample_of
from coma_cli.evaluation.sampling.server_facts import served_model, stored_facts
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.evaluation.sampling.summary import SampleSummary
from coma_cli.journal import Journal, natural_order
from coma_cli.jsonl import write_rows
from coma_cli.records import CandidateRanking, Sample
from coma_cli.stage import Stage
from coma_cli.words import count_of
from coma_cli.workspace import Run, StageResult

SAMPLES = "samples.jsonl"
PROBLEMS = "problems.jsonl"


def work(run: Run, settings: SampleSettings, plan: SamplePlan) -> StageResult:
    """Generate the missing completions.

    Raises:
        CliError: a batch does not fit in memory, a server left calls unanswered, or no row could be generated.
    """
    journal, settings = run.journal(SAMPLES, Sample), plan.settings
    _write_problems(run, plan, journal)
    journal.append_all(row for row in rows_without_room(settings, plan) if row.key not in journal.failed)
    todo, made = [name for name in plan.wanted().rows() if name.key not in journal], Made()
    rankings, to_rank = run.journal(RANKINGS, CandidateRanking), with_candidates(plan)
    if todo or any(problem.task_id not in rankings for problem in to_rank):
        with _engine(run, settings, plan, made) as engine:
            if todo:
                _generate(engine, run, plan, journal, todo, made)
            if to_rank:
                with console.progress("Candidates", len(to_rank)) as ticker:
                    rank(engine, plan, to_rank, rankings, ticker.advance)
    _check_failures(plan, journal)
    counts = sample_summary.count_rows(journal.rows())
    summary = _summary(settings, plan, counts, made, EngineRecord.load(run.path))
    for warning in sample_summary.warnings(summary):
        console.warn(warning)
    _export(run, settings, plan, journal)
    check = plan.local.choice.check if plan.local else None
    facts = {MANIFEST_KEY: None if check is None else check.to_manifest(), **(made.facts or stored_facts(run))}
    if (record := EngineRecord.load(run.path)) is not None:
        facts["engine"] = record.model_dump()
    tokens = counts.prompt_tokens + counts.completion_tokens
    return StageResult(summary, (SAMPLES, PROBLEMS, *([RANKINGS] if to_rank else [])), tokens=tokens, facts=facts)


def _write_problems(run: Run, plan: SamplePlan, journal: Journal[Sample]) -> None:
    """Save the requested problems, and those of existing rows."""
    used = {problem.task_id for problem in plan.problems} | {row.task_id for row in journal.rows()}
    chosen = [problem for problem in plan.benchmark.problems if problem.task_id in used]
    write_rows(run.path / PROBLEMS, (p.to_row() for p in sorted(chosen, key=lambda p: natural_order(p.key))))


@dataclass
class Made:
    """What this start generated: rows, tokens, seconds, its workers; and what a server said of itself."""

    rows: int = 0
    tokens: int = 0
    seconds: float | None = None
    workers: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def _generate(
    engine: Engine, run: Run, plan: SamplePlan, journal: Journal[Sample], todo: list[RowName], made: Made
) -> None:
    names, hashes = {name.key: name for name in todo}, prompt_hashes(plan)
    with console.progress("Completions", len(todo)) as ticker:
        began = time.monotonic()
        with closing(_responses(engine, plan.settings, plan, todo)) as responses:
            for response in responses:
                name = names[response.key]
                journal.append(sample_of(plan.settings, plan, name, response, hashes[name.task_id]))
                run.count_work()
                ticker.advance()
                made.rows, made.tokens = made.rows + 1, made.tokens + response.completion_tokens
        made.seconds = time.monotonic() - began


def _responses(
    engine: Engine, settings: SampleSettings, plan: SamplePlan, todo: list[RowName]
) -> Generator[GenerationResponse, None, None]:
    """The engine's responses as a generator, which can be closed to stop generation."""
    yield from engine.generate(requests_of(settings, plan, todo))


@contextmanager
def _engine(run: Run, settings: SampleSettings, plan: SamplePlan, made: Made) -> Iterator[Engine]:
    if plan.local is not None:
        with local_engine(run.path, settings, plan.local) as engine:
            yield engine
            made.workers = engine.devices if isinstance(engine, ManyWorkersEngine) else []
        return
    answers, broken = plan.workspace.answers_folder(), run.corrupt.append
    served = served_model(run, settings)
    name = str(settings.model)
    with open_openai(name, settings.runtime, answers, on_corrupt=broken, server=served.identity) as remote:
        yield remote
        traffic = remote.traffic
    said = {"system_fingerprints": dict(traffic.system_fingerprints), "served_by": dict(traffic.served_by)}
    made.facts["server"] = {**served.facts(), **said}


def _export(run: Run, settings: SampleSettings, plan: SamplePlan, journal: Journal[Sample]) -> None:
    """Write the samples in the forms of other tools, beside the rows."""
    whole = plan.prompt_form == "instruction"
    for path in write_exports(run.path, settings.export, plan.benchmark.problems, journal.rows(), whole=whole):
        console.note(f"Written: {path}")


def _check_failures(plan: SamplePlan, journal: Journal[Sample]) -> None:
    """Raise if calls to a server failed, which a rerun retries; failures of a local model are final."""
    failed = {row.key: row for row in journal.rows() if row.key in journal.failed}
    if not failed or (plan.local is not None and len(journal)):
        return
    last = next(reversed(failed.values())).error
    raise CliError(
        f"{count_of(len(failed), 'completion')} failed, {len(journal)} succeeded; the last error: {last}",
        "Rerun the same command to retry only these; everything else is kept.",
    )


def _summary(
    settings: SampleSettings,
    plan: SamplePlan,
    counts: sample_summary.Counts,
    made: Made,
    record: EngineRecord | None,
) -> SampleSummary:
    local = plan.local
    template = local.prompts.choice if local else None
    return SampleSummary(
        bench=settings.bench,
        model=local.choice.title if local else str(settings.model),
        engine=settings.engine_name,
        engine_args=settings.engine_args,
        protocol=plan.protocol_name,
        protocol_departures=departures(settings, plan.protocol),
        extraction=plan.protocol.extraction,
        template=template.template.name if template else None,
        template_sha256=template.template.sha256 if template else None,
        template_reason=template.reason if template else None,
        prompt_form=plan.prompt_form,
        **counts.model_dump(),
        n=settings.n,
        temperatures=list(settings.temperature),
        top_p=settings.top_p,
        top_k=settings.top_k,
        max_new_tokens=settings.max_new_tokens,
        max_length=settings.max_length,
        max_reasoning_tokens=settings.max_reasoning_tokens if local and local.prompts.reasoning else None,
        min_new_tokens=settings.min_new_tokens,
        repetition_penalty=settings.repetition_penalty,
        num_beams=settings.num_beams,
        stop=list(local.prompts.stop_texts if local else plan.server.stop_texts if plan.server else ()),
        samples_this_start=made.rows,
        seconds=None if made.seconds is None else round(made.seconds, 3),
        tokens_per_s=round(made.tokens / made.seconds, 1) if made.seconds else None,
        batch_size=local.batch_size if local else None,
        device=local.device if local else None,
        workers=made.workers,
        dtype=record.dtype if record else None,
        engine_path=record.path if record else None,
        deterministic=settings.deterministic,
        quantize=settings.quantize,
        replaced=list(local.replaced) if local else [],
    )


STAGE = Stage(
    settings=SampleSettings,
    plan=make_plan,
    work=work,
    show=sample_summary.show,
    headline=sample_summary.headline,
    followed_by=sample_summary.followed_by,
    identify=make_identity,
    assist=assist,
)
