"""Chooses an engine by name and opens it. Engines that need torch are imported when opened."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from coma_cli.engines.chat import Connection
from coma_cli.engines.vllm_support import no_vllm_on_gpu
from coma_cli.errors import unknown_name
from coma_cli.jsonl import CorruptLine
from coma_cli.models.adapters import Adapter, add_adapter
from coma_cli.models.quantization import Quantization, bitsandbytes_config
from coma_cli.models.resolution import NO_TRUST, ResolvedBase, Trust

if TYPE_CHECKING:
    from coma_cli.engines.beam_search import BeamEngine
    from coma_cli.engines.openai_engine import OpenAIEngine
    from coma_cli.engines.transformers_engine import TransformersEngine
    from coma_cli.engines.vllm_engine import VllmEngine

EngineName = Literal["transformers", "vllm", "openai"]


class EngineChoice(NamedTuple):
    """An engine, and why it was chosen."""

    name: EngineName
    reason: str


def choose_engine(choice: str, base_url: str | None = None, *, not_for_vllm: str = "") -> EngineChoice:
    """The engine for `choice`.

    `auto` is openai if a server's URL is given; vllm where it is installed and there is a GPU, unless `not_for_vllm`
    says what speaks against it; else transformers.

    Raises:
        UsageError: no engine has that name.
    """
    if choice == "auto":
        if base_url:
            return EngineChoice("openai", "a base URL is given")
        reason = not_for_vllm or no_vllm_on_gpu()
        if reason:
            return EngineChoice("transformers", reason)
        return EngineChoice("vllm", "it is installed, and there is a GPU")
    for name in get_args(EngineName):
        if choice == name:
            return EngineChoice(name, "as requested")
    raise unknown_name("engine", choice, ["auto", *get_args(EngineName)])


def open_transformers(
    model: ResolvedBase,
    device: str,
    dtype: str,
    trust: Trust = NO_TRUST,
    *,
    rows: int,
    num_beams: int = 1,
    adapter: Adapter | None = None,
    tokenizer_source: ResolvedBase | None = None,
    deterministic: bool = False,
    quantize: Quantization = "none",
    on_fewer_rows: Callable[[int], None] = lambda rows: None,
) -> "TransformersEngine | BeamEngine":
    """Load a model and its tokenizer into this process, to sample up to `rows` completions at once.

    Several beams have an engine of their own. An `adapter` is added to the model without merging. The tokenizer is the
    model's unless it has another source.

    Raises:
        CliError: the model can't be loaded. MissingPackageError: the train extra is not installed.
    """
    from coma_cli.engines.transformers_engine import TransformersEngine
    from coma_cli.models.loading import choose_placement, load_model, load_tokenizer

    placement = choose_placement(device, dtype)
    rounded = bitsandbytes_config(quantize, placement)
    loaded = load_model(model, placement.dtype, placement.device, trust=trust, quantization_config=rounded)
    whole = add_adapter(loaded, adapter) if adapter else loaded
    tokenizer = load_tokenizer(tokenizer_source or model, trust=trust)
    int8 = quantize == "int8" and rounded is None
    if num_beams > 1:
        from coma_cli.engines.beam_search import BeamEngine

        return BeamEngine(whole, tokenizer, int8=int8)
    return TransformersEngine(
        whole, tokenizer, rows=rows, deterministic=deterministic, int8=int8, on_fewer_rows=on_fewer_rows
    )


def open_vllm(
    model: ResolvedBase,
    dtype: str,
    trust: Trust = NO_TRUST,
    *,
    rows: int,
    context: int,
    adapter: Adapter | None = None,
    tokenizer_source: ResolvedBase | None = None,
    deterministic: bool = False,
    cache_bytes: int | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> "VllmEngine":
    """Load a model into vLLM, to sample up to `rows` completions at once, of `context` tokens with their prompts.

    `cache_bytes` is the memory for keys and values on a CPU; on a GPU vLLM takes what is free.

    Raises:
        CliError: vLLM can't load the model. MissingPackageError: it is not installed.
    """
    from coma_cli.engines.vllm_engine import VllmEngine, VllmModel
    from coma_cli.models.loading import load_tokenizer, model_folder

    loaded = VllmModel(
        model_folder(model),
        dtype,
        context,
        rows,
        revision=model.revision if model.kind == "hub" else None,
        trust_remote_code=trust.remote_code,
        adapter=adapter,
        cache_bytes=cache_bytes,
        deterministic=deterministic,
        arguments=arguments or {},
    )
    return VllmEngine(loaded, load_tokenizer(tokenizer_source or model, trust=trust))


@contextmanager
def open_openai(
    model: str,
    connection: Connection,
    answers_folder: Path,
    *,
    on_corrupt: Callable[[CorruptLine], None] | None = None,
    server: str = "",
) -> Iterator["OpenAIEngine"]:
    """A chat server as an engine, with answers stored in the workspace's journal; its corrupt lines are reported.

    `server` is part of what identifies an answer, so that two servers of one model name share none.
    """
    from coma_cli.engines.answers import AnswerJournal
    from coma_cli.engines.openai_engine import OpenAIEngine

    with AnswerJournal(answers_folder, on_corrupt=on_corrupt) as answers:
        yield OpenAIEngine(model, connection, answers=answers, server=server)
