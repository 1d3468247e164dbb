"""The model that writes the rows: behind a server, or on this machine; either way with stored and counted answers."""

import importlib.util
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from coma_cli import console
from coma_cli.catalog.bases import BASES
from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.choose import open_transformers, open_vllm
from coma_cli.engines.interface import Engine, GenerationRequest, GenerationResponse
from coma_cli.engines.local_chat import LoadedWriter, LocalChatEngine
from coma_cli.engines.metering import Meter
from coma_cli.engines.openai_engine import OpenAIEngine
from coma_cli.engines.openai_session import Traffic
from coma_cli.engines.vllm_support import vllm_blockers
from coma_cli.errors import CliError, UsageError, missing_package
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.stored_answers import StoredAnswersEngine
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.prompting import PromptTemplate, choose_template, stop_texts, stop_token_ids
from coma_cli.words import count_of
from coma_cli.workspace import Input, Workspace

_FORM_VERSION = 1  # of how a local model is asked; raised when the same request gets another prompt
_ROWS_ON_CPU, _ROWS_ON_GPU = 16, 64
_LONGEST = 8192  # tokens that vLLM reserves room for: a long function in the prompt, and its program
_CACHE_BYTES_ON_CPU = 2 << 30
MODEL = "model"


class WritingEngine(Protocol):
    """An engine that counts what it sent and what it took from the journal, and that can be stopped."""

    def generate(self, requests: Iterable[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        """Yield a response for every request, in order of completion, with the request's key."""
        ...

    @property
    def traffic(self) -> Traffic:
        """Counts of calls and answers so far."""
        ...


@dataclass(frozen=True)
class LocalWriter:
    """A model of this machine that was chosen and not loaded; `template` is the one that it was tuned with, if any."""

    resolved: ResolvedBase
    source: Input
    template: PromptTemplate | None

    def server(self, settings: GenSettings) -> str:
        """What tells its answers from those of other models: its content, not its name."""
        parts = (settings.engine, self.source.content_sha256[:16], settings.dtype, f"form {_FORM_VERSION}")
        return " ".join(parts)


def find_writer(settings: GenSettings, workspace: Workspace) -> LocalWriter | None:
    """The model of this machine that `--model` names: a run, a catalogue name, a folder or a Hub id; None: a server's.

    Raises:
        UsageError, MissingInputError: there is no such model, or the run has none.
    """
    if not settings.is_local:
        return None
    trust = trust_of(settings)
    path = workspace.place_of(settings.model, "merge-lora", "finetune")
    artifact = workspace.artifact_at(path) if settings.model not in BASES and path.exists() else None
    if artifact is None:
        resolved = resolve_base(settings.model, trust=trust)
        return LocalWriter(resolved, resolved.as_input(MODEL), _stored_template(resolved))
    if MODEL not in artifact.manifest["outputs"]:
        raise UsageError(f"{artifact.path} holds no whole model.", "coma merge-lora ; then --model with its run")
    resolved = resolve_base(str(artifact.intact(MODEL, "--model")), trust=trust)
    return LocalWriter(resolved, artifact.as_input(MODEL), _stored_template(resolved))


def _stored_template(resolved: ResolvedBase) -> PromptTemplate | None:
    return PromptTemplate.load(Path(resolved.path_or_id)) if resolved.kind == "folder" else None


def trust_of(settings: GenSettings) -> Trust:
    """What may be executed to load the model."""
    return Trust(settings.runtime.trust_remote_code, settings.runtime.allow_pickle)


def writer_blockers(settings: GenSettings, writer: LocalWriter) -> Iterator[CliError]:
    """Why a model of this machine can't write here; torch is not imported to find out, vLLM is."""
    if writer.resolved.blocker is not None:
        yield writer.resolved.blocker
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
        yield missing_package("transformers", "A model on this machine")
    elif settings.engine == "vllm":
        from coma_cli.models.loading import choose_placement

        drawn = (settings.round_one.temperature, settings.round_two.temperature)
        try:
            device = choose_placement(settings.runtime.device, settings.dtype).device
        except UsageError as error:
            yield error
        else:
            yield from vllm_blockers(settings.engine_args, device, deterministic=False, temperatures=drawn)


def open_writer(
    settings: GenSettings, writer: LocalWriter | None, answers: AnswerJournal, meter: Meter, runs: Path
) -> WritingEngine:
    """The engine that answers the requests of a run; a model of this machine is loaded when it is first needed.

    With `reparse` it is the stored answers alone; `runs` is the folder of earlier runs.
    """
    if settings.reparse:
        server = settings.server if writer is None else writer.server(settings)
        return StoredAnswersEngine(settings.model, answers, server, runs)
    if writer is None:
        return OpenAIEngine(settings.model, settings.runtime, answers=answers, meter=meter, server=settings.server)
    load = partial(_load, settings, writer)
    return LocalChatEngine(settings.model, load, answers=answers, meter=meter, server=writer.server(settings))


def _load(settings: GenSettings, writer: LocalWriter) -> LoadedWriter:
    from coma_cli.models.loading import choose_placement, load_generation_config, load_tokenizer

    runtime, trust = settings.runtime, trust_of(settings)
    placement = choose_placement(runtime.device, settings.dtype)
    rows = runtime.batch_size or (_ROWS_ON_CPU if placement.device == "cpu" else _ROWS_ON_GPU)
    console.note(f"Loading {writer.resolved.name} ({placement.dtype_name}, {placement.device}), {rows} rows at once")
    engine = _engine(settings, writer, placement.device, placement.dtype_name, rows)
    tokenizer = load_tokenizer(writer.resolved, trust=trust)
    template = choose_template("auto", tokenizer, writer.template)
    ends = load_generation_config(writer.resolved, trust=trust).eos_token_id
    listed = list(ends) if isinstance(ends, (list, tuple)) else [] if ends is None else [ends]
    stop_ids = dict.fromkeys([*stop_token_ids(template, tokenizer), *listed])
    return LoadedWriter(engine, template, tokenizer, tuple(stop_ids), stop_texts(template))


def _engine(settings: GenSettings, writer: LocalWriter, device: str, dtype: str, rows: int) -> Engine:
    trust = trust_of(settings)
    if settings.engine == "transformers":
        return open_transformers(
            writer.resolved,
            device,
            dtype,
            trust,
            rows=rows,
            on_fewer_rows=lambda left: console.warn(f"Memory ran out; going on with {count_of(left, 'row')}."),
        )
    from coma_cli.engines.transformers_engine import context_length
    from coma_cli.models.loading import load_config

    return open_vllm(
        writer.resolved,
        dtype,
        trust,
        rows=rows,
        context=min(_LONGEST, context_length(load_config(writer.resolved, trust=trust))),
        cache_bytes=_CACHE_BYTES_ON_CPU if device == "cpu" else None,
        arguments=settings.engine_args,
    )
