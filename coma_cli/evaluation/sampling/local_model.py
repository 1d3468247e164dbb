"""The model of a sample run that runs on this machine: where it is placed, its prompts, and how many rows fit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from coma_cli.catalog.benchmarks.protocols import SamplingProtocol
from coma_cli.engines.vllm_support import vllm_blockers
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.evaluation.sampling.devices import ChosenDevices, choose_devices, memory_bytes, place
from coma_cli.evaluation.sampling.model_facts import (
    BYTES_OF_DTYPE,
    MOST_ROWS_CPU,
    MOST_ROWS_GPU,
    ModelFacts,
    read_facts,
)
from coma_cli.evaluation.sampling.prompts import Prompts, choose_prompt_template, encode_problems
from coma_cli.evaluation.sampling.sampled_model import ModelChoice
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.records import Problem
from coma_cli.words import size_of

CACHE_BLOCK_TOKENS = 128  # of vLLM on a CPU


@dataclass(frozen=True)
class LocalModel:
    """A model that coma runs itself, with its prompts as tokens, devices and dtype; the devices are of one kind.

    `longest` is the most tokens that prompt and completion, or prompt and candidate, may have together.
    """

    choice: ModelChoice
    prompts: Prompts
    facts: ModelFacts
    device: str
    dtype: str
    replaced: tuple[str, ...]
    batch_size: int
    longest: int
    devices: ChosenDevices

    @property
    def cache_bytes(self) -> int:
        """Memory for keys and values of all rows, each in whole blocks."""
        values = self.batch_size * (self.longest + CACHE_BLOCK_TOKENS) * self.facts.cache_values_per_token
        return values * BYTES_OF_DTYPE[self.dtype]


def room_of(settings: SampleSettings, facts: ModelFacts) -> int:
    """The tokens that prompt and completion may have together, by the settings and by the model."""
    return facts.context if settings.max_length is None else min(facts.context, settings.max_length)


def local_model(
    settings: SampleSettings,
    choice: ModelChoice,
    protocol: SamplingProtocol,
    benchmark: Iterable[Problem],
    problems: Sequence[Problem],
) -> tuple[LocalModel | None, CliError | None]:
    """The model with the prompts of a whole benchmark, of which `problems` are sampled; or None and the blocker.

    Raises:
        UsageError: the template is unknown or not the model's.
    """
    trust = settings.runtime.trust
    try:
        from coma_cli.models.loading import load_tokenizer

        devices = choose_devices(settings.runtime, ProcessRank.of_environment())
        placement = place(devices, settings.dtype)
        tokenizer = load_tokenizer(choice.tokenizer_source, trust=trust)
        facts = read_facts(choice.resolved, trust)
    except CliError as error:
        return None, error
    rounded_on_gpu = settings.quantize == "int8" and placement.device != "cpu"
    if settings.deterministic and (settings.quantize == "nf4" or rounded_on_gpu):
        reason = f"{settings.quantize} on {placement.device} computes a row in another way when there are more rows."
        return None, UsageError(reason, "Omit --deterministic or --quantize.")
    template = choose_prompt_template(
        settings.template,
        tokenizer,
        choice.stored,
        protocol,
        allow_mismatch=settings.allow_template_mismatch,
        chat_options=settings.chat_template_kwargs,
    )
    ends = [*facts.end_token_ids, *([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id])]
    prompts = encode_problems(template, tokenizer, benchmark, ends, settings.stop, settings.max_reasoning_tokens)
    longest = longest_text(settings, prompts, facts, problems)
    size = settings.runtime.batch_size or facts.rows_that_fit(
        longest,
        BYTES_OF_DTYPE[placement.dtype_name],
        memory_bytes(placement.device, devices.processes_here),
        MOST_ROWS_CPU if placement.device == "cpu" else MOST_ROWS_GPU,
    )
    device, dtype, replaced = placement.device, placement.dtype_name, placement.replaced
    return LocalModel(choice, prompts, facts, device, dtype, replaced, size, longest, devices), None


def longest_text(settings: SampleSettings, prompts: Prompts, facts: ModelFacts, problems: Sequence[Problem]) -> int:
    """The most tokens that a prompt and what follows it may have together."""
    most, longest = most_tokens(settings, prompts), 0
    for problem in problems:
        candidates = prompts.candidate_ids.get(problem.task_id, ())
        after = max([min(most, room_of(settings, facts)), *map(len, candidates)])
        longest = max(longest, len(prompts.token_ids[problem.task_id]) + after)
    return min(longest, facts.context)


def most_tokens(settings: SampleSettings, prompts: Prompts) -> int:
    """The most tokens that a completion may have, reasoning part included."""
    return settings.max_new_tokens + (prompts.reasoning.max_tokens if prompts.reasoning else 0)


def misfits(local: LocalModel, problems: Sequence[Problem], settings: SampleSettings) -> list[CliError]:
    """Why no row at all could be generated."""
    shortest = min(len(local.prompts.token_ids[problem.task_id]) for problem in problems)
    if shortest >= (room := room_of(settings, local.facts)):
        return [
            MissingInputError(
                f"No prompt fits in the context of {room} tokens: the shortest has {shortest}.",
                "Choose a model with a longer context, or another --template.",
            )
        ]
    need = local.facts.memory_bytes(1, shortest + most_tokens(settings, local.prompts), BYTES_OF_DTYPE[local.dtype])
    there = memory_bytes(local.device, local.devices.processes_here)
    if need > there:
        return [
            CliError(
                f"Weights and cache need {size_of(need)}, but {local.device} has {size_of(there)}.",
                "Choose a smaller model or dtype, or another device.",
            )
        ]
    return []


def engine_blockers(settings: SampleSettings, local: LocalModel) -> Iterator[CliError]:
    """Why the engine can't sample this model here; vLLM is imported to find out."""
    if settings.engine_name == "vllm":
        if local.devices.are_many:
            yield UsageError(
                "vLLM spreads a model over GPUs itself, from one process.",
                "--engine-arg tensor_parallel_size=N in one process, or --engine transformers",
            )
        args, deterministic, temperatures = settings.engine_args, settings.deterministic, settings.temperature
        yield from vllm_blockers(args, local.device, deterministic=deterministic, temperatures=temperatures)
