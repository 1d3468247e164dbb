"""Chooses an engine by name and opens it. Engines that need torch are imported when opened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from coma_cli.engines.chat import Connection
from coma_cli.errors import unknown_name
from coma_cli.jsonl import CorruptLine
from coma_cli.models.adapters import Adapter, add_adapter
from coma_cli.models.quantization import Quantization, bitsandbytes_config
from coma_cli.models.resolution import NO_TRUST, ResolvedBase, Trust

if TYPE_CHECKING:
    from coma_cli.engines.beam_search import BeamEngine
    from coma_cli.engines.openai_engine import OpenAIEngine
    from coma_cli.engines.transformers_engine import TransformersEngine

EngineName = Literal["transformers", "openai"]


def engine_name(choice: str, base_url: str | None = None) -> EngineName:
    """The engine for `choice`; `auto` is openai if a server's URL is given, else transformers.

    Raises:
        UsageError: no engine has that name.
    """
    if choice == "auto":
        return "openai" if base_url else "transformers"
    for name in get_args(EngineName):
        if choice == name:
            return name  # type: ignore[no-any-return]  # one of the literals
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
