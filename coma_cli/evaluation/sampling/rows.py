"""Requests from row names, and rows from responses."""

from collections.abc import Iterable, Iterator

from coma_cli.corpus.extraction.thinking import ThinkingParts, split_thinking
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.evaluation.sampling.planning import SamplePlan
from coma_cli.evaluation.sampling.row_names import RowName, Wanted
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.jsonl import sha256_of
from coma_cli.records import Sample, row_seed


def requests_of(settings: SampleSettings, plan: SamplePlan, names: Iterable[RowName]) -> Iterator[GenerationRequest]:
    """The requests to the engine."""
    prompts, server = plan.local.prompts if plan.local else None, plan.server
    chats = server is not None and settings.endpoint == "chat"
    options = tuple(sorted(settings.chat_template_kwargs.items())) if chats else ()
    for name in names:
        yield GenerationRequest(
            key=name.key,
            decoding=settings.decoding(name.temperature, plan.prompt_tokens(name.task_id)),
            seed=row_seed(settings.seed, name.key),
            instruction=server.texts[name.task_id] if server and chats else "",
            prompt=server.texts[name.task_id] if server and not chats else "",
            chat_options=options,
            prompt_ids=prompts.token_ids[name.task_id] if prompts else (),
            stop_ids=prompts.stop_ids if prompts else (),
            stop_texts=prompts.stop_texts if prompts else server.stop_texts if server else (),
            reasoning=prompts.reasoning if prompts else None,
        )


def prompt_hashes(plan: SamplePlan) -> dict[str, str]:
    """The hash of each prompt by task id: of its token ids, or of the message if a server tokenizes it."""
    if plan.local is not None:
        prompts = plan.local.prompts
        return {task_id: sha256_of(list(token_ids)) for task_id, token_ids in prompts.token_ids.items()}
    assert plan.server is not None
    return {task_id: sha256_of(text) for task_id, text in plan.server.texts.items()}


def sample_of(
    settings: SampleSettings, plan: SamplePlan, name: RowName, response: GenerationResponse, prompt_sha256: str
) -> Sample:
    """A response as a row, with a reasoning part stored apart from the completion."""
    parts = split_reasoning(plan, response)
    return Sample(
        task_id=name.task_id,
        temperature=name.temperature,
        index=name.index,
        completion=parts.answer,
        reasoning=parts.reasoning,
        reasoning_tokens=response.reasoning_tokens,
        reasoning_cut=parts.unfinished,
        prompt_sha256=prompt_sha256,
        finish_reason=response.finish_reason,
        stop_reason=response.stop_reason,
        prompt_tokens=response.prompt_tokens,
        completion_tokens=response.completion_tokens,
        log_probability=response.log_probability,
        seed=row_seed(settings.seed, name.key),
        error=response.error,
    )


def split_reasoning(plan: SamplePlan, response: GenerationResponse) -> ThinkingParts:
    """The reasoning part of a response and its answer; a text that the model merely continues has none."""
    if response.reasoning:
        return ThinkingParts(response.reasoning, response.text, unfinished=not response.text.strip())
    prompts = plan.local.prompts if plan.local else None
    if plan.prompt_form == "continuation":
        return ThinkingParts("", response.text)
    opened = prompts.reasoning.opened if prompts is not None and prompts.reasoning is not None else ""
    return split_thinking(response.text, opened)


def rows_without_room(settings: SampleSettings, plan: SamplePlan) -> list[Sample]:
    """A failed row for each wanted one whose prompt fills the context."""
    if plan.local is None:
        return []
    from coma_cli.engines.row import prompt_too_long

    names = tuple(problem.task_id for problem in plan.problems if not plan.fits(problem.task_id))
    hashes = prompt_hashes(plan) if names else {}
    rows = []
    for name in Wanted(names, settings.temperature, settings.n).rows():
        length = plan.prompt_tokens(name.task_id)
        error = prompt_too_long(length, plan.room)
        response = GenerationResponse(name.key, "", "error", length, 0, error=error)
        rows.append(sample_of(settings, plan, name, response, hashes[name.task_id]))
    return rows
