"""Requests from row names, and rows from responses."""

from collections.abc import Iterable, Iterator

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.evaluation.sampling.planning import SamplePlan
from coma_cli.evaluation.sampling.row_names import RowName, Wanted
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.jsonl import sha256_of
from coma_cli.records import Sample, row_seed


def requests_of(settings: SampleSettings, plan: SamplePlan, names: Iterable[RowName]) -> Iterator[GenerationRequest]:
    """The requests to the engine."""
    instructions = {problem.task_id: problem.message for problem in plan.benchmark.problems}
    prompts = plan.local.prompts if plan.local else None
    for name in names:
        yield GenerationRequest(
            key=name.key,
            decoding=settings.decoding(name.temperature),
            seed=row_seed(settings.seed, name.key),
            instruction=instructions[name.task_id],
            prompt_ids=prompts.token_ids[name.task_id] if prompts else (),
            stop_ids=prompts.stop_ids if prompts else (),
            stop_texts=prompts.stop_texts if prompts else settings.stop or (),
        )


def prompt_hashes(plan: SamplePlan) -> dict[str, str]:
    """The hash of each prompt by task id: of its token ids, or of the message if a server tokenizes it."""
    if plan.local is not None:
        prompts = plan.local.prompts
        return {task_id: sha256_of(list(token_ids)) for task_id, token_ids in prompts.token_ids.items()}
    return {problem.task_id: sha256_of(problem.message) for problem in plan.benchmark.problems}


def sample_of(settings: SampleSettings, name: RowName, response: GenerationResponse, prompt_sha256: str) -> Sample:
    """A response as a row."""
    return Sample(
        task_id=name.task_id,
        temperature=name.temperature,
        index=name.index,
        completion=response.text,
        prompt_sha256=prompt_sha256,
        finish_reason=response.finish_reason,
        prompt_tokens=response.prompt_tokens,
        completion_tokens=response.completion_tokens,
        log_probability=response.log_probability,
        seed=row_seed(settings.seed, name.key),
        error=response.error,
    )


def rows_without_room(settings: SampleSettings, plan: SamplePlan) -> list[Sample]:
    """A failed row for each wanted one whose prompt fills the context."""
    if plan.local is None:
        return []
    from coma_cli.engines.transformers_engine import prompt_too_long

    names = tuple(problem.task_id for problem in plan.problems if not plan.fits(problem.task_id))
    hashes = prompt_hashes(plan) if names else {}
    rows = []
    for name in Wanted(names, settings.temperature, settings.n).rows():
        length = plan.prompt_tokens(name.task_id)
        error = prompt_too_long(length, plan.local.facts.context)
        response = GenerationResponse(name.key, "", "error", length, 0, error=error)
        rows.append(sample_of(settings, name, response, hashes[name.task_id]))
    return rows
