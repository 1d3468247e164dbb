"""`coma sample`: a model's completions of a benchmark's problems.

    problems + model  ->  prompts (template)  ->  completions (engine)  ->  samples.jsonl, problems.jsonl

Wanted rows minus existing ones are generated and appended one by one. A row's random numbers depend on its own seed
only; with `--deterministic` its bits do not depend on other rows either, so a run may be interrupted and extended at
will. The problems are saved with the samples: scoring needs nothing else.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from coma_cli import console
from coma_cli.corpus.decontamination.training_check import MANIFEST_KEY
from coma_cli.engines.choose import open_openai, open_transformers
from coma_cli.engines.interface import Engine, GenerationResponse
from coma_cli.errors import CliError
from coma_cli.evaluation.sampling import summary as sample_summary
from coma_cli.evaluation.sampling.engine_record import EngineRecord
from coma_cli.evaluation.sampling.planning import LocalModel, SamplePlan, make_identity, make_plan
from coma_cli.evaluation.sampling.ranking import RANKINGS, rank, with_candidates
from coma_cli.evaluation.sampling.row_names import RowName
from coma_cli.evaluation.sampling.rows import prompt_hashes, requests_of, rows_without_room, sample_of
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
    journal = run.journal(SAMPLES, Sample)
    _write_problems(run, plan, journal)
    journal.append_all(row for row in rows_without_room(settings, plan) if row.key not in journal.failed)
    todo = [name for name in plan.wanted(settings).rows() if name.key not in journal]
    rankings, to_rank = run.journal(RANKINGS, CandidateRanking), with_candidates(plan)
    made = Made()
    if todo or any(problem.task_id not in rankings for problem in to_rank):
        with _engine(run, settings, plan) as engine:
            made = _generate(engine, run, settings, plan, journal, todo) if todo else made
            if to_rank:
                with console.progress("Candidates", len(to_rank)) as ticker:
                    rank(engine, plan, to_rank, rankings, ticker.advance)
    _check_failures(plan, journal)
    counts = sample_summary.count_rows(journal.rows())
    summary = _summary(settings, plan, counts, made, EngineRecord.load(run.path))
    check = plan.local.choice.check if plan.local else None
    return StageResult(
        summary,
        (SAMPLES, PROBLEMS, *([RANKINGS] if to_rank else [])),
        tokens=counts.prompt_tokens + counts.completion_tokens,
        facts={MANIFEST_KEY: None if check is None else check.to_manifest()},
    )


def _write_problems(run: Run, plan: SamplePlan, journal: Journal[Sample]) -> None:
    """Save the requested problems, and those of existing rows."""
    used = {problem.task_id for problem in plan.problems} | {row.task_id for row in journal.rows()}
    chosen = [problem for problem in plan.benchmark.problems if problem.task_id in used]
    write_rows(run.path / PROBLEMS, (p.to_row() for p in sorted(chosen, key=lambda p: natural_order(p.key))))


@dataclass
class Made:
    """What this start generated: rows, tokens, seconds."""

    rows: int = 0
    tokens: int = 0
    seconds: float | None = None


def _generate(
    engine: Engine, run: Run, settings: SampleSettings, plan: SamplePlan, journal: Journal[Sample], todo: list[RowName]
) -> Made:
    made, names, hashes = Made(), {name.key: name for name in todo}, prompt_hashes(plan)
    with console.progress("Completions", len(todo)) as ticker:
        began = time.monotonic()
        with closing(_responses(engine, settings, plan, todo)) as responses:
            for response in responses:
                name = names[response.key]
                journal.append(sample_of(settings, name, response, hashes[name.task_id]))
                run.count_work()
                ticker.advance()
                made.rows, made.tokens = made.rows + 1, made.tokens + response.completion_tokens
        made.seconds = time.monotonic() - began
    return made


def _responses(
    engine: Engine, settings: SampleSettings, plan: SamplePlan, todo: list[RowName]
) -> Generator[GenerationResponse, None, None]:
    """The engine's responses as a generator, which can be closed to stop generation."""
    yield from engine.generate(requests_of(settings, plan, todo))


@contextmanager
def _engine(run: Run, settings: SampleSettings, plan: SamplePlan) -> Iterator[Engine]:
    if plan.local is not None:
        yield _local_engine(run, settings, plan.local)
        return
    answers, broken = plan.workspace.answers_folder(), run.corrupt.append
    with open_openai(str(settings.model), settings.runtime, answers, on_corrupt=broken) as engine:
        yield engine


def _local_engine(run: Run, settings: SampleSettings, local: LocalModel) -> Engine:
    """The model of a run, in the dtype that its first start chose."""
    record = EngineRecord.load(run.path)
    dtype = record.dtype if record and settings.dtype == "auto" else local.dtype
    console.note(f"Loading {local.choice.title} ({dtype}, {local.device})")
    engine = open_transformers(
        local.choice.resolved,
        local.device,
        dtype,
        settings.runtime.trust,
        rows=local.batch_size,
        adapter=local.choice.adapter,
        tokenizer_source=local.choice.tokenizer_source,
        deterministic=settings.deterministic,
        quantize=settings.quantize,
        on_fewer_rows=lambda rows: console.note(f"Warning: memory ran out; going on with {count_of(rows, 'row')}"),
    )
    console.note(f"Rows are computed in {engine.path}, at most {local.batch_size} at once")
    EngineRecord(dtype=dtype, path=engine.path).save(run.path)
    return engine


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
        template=template.template.name if template else None,
        template_sha256=template.template.sha256 if template else None,
        template_reason=template.reason if template else None,
        prompt_form=template.form if template else "instruction",
        **counts.model_dump(),
        n=settings.n,
        temperatures=list(settings.temperature),
        top_p=settings.top_p,
        top_k=settings.top_k,
        max_new_tokens=settings.max_new_tokens,
        samples_this_start=made.rows,
        seconds=None if made.seconds is None else round(made.seconds, 3),
        tokens_per_s=round(made.tokens / made.seconds, 1) if made.seconds else None,
        batch_size=local.batch_size if local else None,
        device=local.device if local else None,
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
    identify=make_identity,
)
