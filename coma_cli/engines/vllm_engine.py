"""vLLM as an engine: an offline `LLMEngine`, to which requests are added while it runs, so that rows come as they end.

vLLM gets tokens and gives tokens. What text they are, which stop text ends it and where a reasoning part ends are
decided by `Row`, as in the transformers engine, so both write the same text for the same tokens.

Every completion is a request of its own with n = 1 and its own seed: with n > 1, vLLM seeds the children with the seed
plus their index, so that rows of neighbouring seeds would be the same. The prefix cache makes it as cheap. Prompts are
never computed in pieces: vLLM would draw a random number after each piece, and turn the generator back, which a
generator on the CPU can't ("CPU Generator does not use offset").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from coma_cli.engines.interface import Decoding, GenerationRequest, GenerationResponse
from coma_cli.engines.row import Row, fitting_requests
from coma_cli.engines.vllm_support import import_vllm
from coma_cli.errors import CliError, is_out_of_memory
from coma_cli.models.adapters import Adapter, fitting
from coma_cli.prompting import Tokenizer, decode_answer
from coma_cli.words import shortened

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # those of vLLM 0.32, `config/lora.py`
_ADAPTER_ID = 1
PROMPTS_AT_ONCE_TOKENS = 2048  # room for several prompts in a step, beside the longest


@dataclass(frozen=True)
class VllmModel:
    """What vLLM loads: a folder or Hub id, how, and an adapter to add without merging.

    `context` is the most tokens of prompt and answer together, `cache_bytes` the memory for keys and values on a CPU.
    """

    source: str
    dtype: str
    context: int
    rows: int
    revision: str | None = None
    trust_remote_code: bool = False
    adapter: Adapter | None = None
    cache_bytes: int | None = None
    deterministic: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


class VllmEngine:
    """Completions by vLLM, up to `model.rows` at once; a context manager, whose end frees the model.

    Raises:
        MissingPackageError: vLLM is not installed. CliError: it can't load the model, or not in this memory.
    """

    def __init__(self, model: VllmModel, tokenizer: Tokenizer) -> None:
        self.rows = model.rows
        self._model = model
        self._decode = partial(decode_answer, tokenizer)
        self._cleanup = ExitStack()
        vllm = import_vllm(deterministic=model.deterministic)
        self._parameters = partial(_sampling_parameters, vllm.SamplingParams, vllm.sampling_params.RequestOutputKind)
        adapter = self._cleanup.enter_context(fitting(model.adapter)) if model.adapter else None
        self._lora = _lora_request(adapter) if adapter else None
        with _explained("can't load the model"):
            arguments = vllm.EngineArgs(**engine_arguments(model, adapter))
            self._engine = vllm.LLMEngine.from_engine_args(arguments)
            if self._lora is not None:
                self._engine.add_lora(self._lora)
        config = self._engine.vllm_config
        runner = "V2" if config.use_v2_model_runner else "V1"
        self.versions = {"vllm": vllm.__version__, "model runner": runner}

    @property
    def path(self) -> str:
        """How rows are computed, for people."""
        return f"vLLM {self.versions['vllm']}, model runner {self.versions['model runner']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.engine_core.shutdown()
        self._cleanup.close()

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order of completion.

        Raises:
            UsageError: a request has no prompt tokens. CliError: vLLM failed; rows that were yielded are complete.
        """
        too_long: list[GenerationResponse] = []
        waiting = fitting_requests(requests, self._model.context, too_long)
        active: dict[str, Row] = {}
        try:
            while self._admit(waiting, active):
                yield from self._drained(too_long)
                yield from self._step(active)
            yield from self._drained(too_long)
        finally:
            if active:
                self._engine.abort_request(list(active))

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
        """The natural logarithm of the probability that the model continues a prompt so, at temperature 1."""
        if not continuation_ids:
            return 0.0
        *whole, last = *prompt_ids, *continuation_ids
        # The last token is scored where one would be drawn, as the whole text may fill the context.
        parameters = self._parameters(GenerationRequest("", Decoding(max_new_tokens=1), 0), 1, watched=False)
        parameters.prompt_logprobs, parameters.logprobs, parameters.logprob_token_ids = 0, None, [last]
        output: Any = None
        with _explained("stopped"):
            self._engine.add_request("a candidate", _prompt(whole), parameters, lora_request=self._lora)
            while self._engine.has_unfinished_requests():
                output = next(iter(self._engine.step()), output)
        before = range(len(prompt_ids), len(whole))
        total = sum(float(output.prompt_logprobs[place][whole[place]].logprob) for place in before)
        return total + float(output.outputs[0].logprobs[0][last].logprob)

    def _admit(self, waiting: Iterator[GenerationRequest], active: dict[str, Row]) -> bool:
        """Hand requests over while there is room; vLLM has as many waiting as running, so that it never runs dry."""
        while len(active) < 2 * self.rows and (request := next(waiting, None)) is not None:
            row = Row.of(request, self._model.context, self._decode)
            watched = request.reasoning is not None or any(request.stop_texts)
            with _explained("refused a request"):
                parameters = self._parameters(request, row.budget, watched=watched)
                self._engine.add_request(request.key, _prompt(request.prompt_ids), parameters, lora_request=self._lora)
            active[request.key] = row
        return bool(active)

    def _step(self, active: dict[str, Row]) -> Iterator[GenerationResponse]:
        """Compute a token of each running row, and yield the responses of those that ended."""
        with _explained("stopped"):
            outputs = self._engine.step()
        for output in outputs:
            row = active.get(output.request_id)
            if row is None:  # ended here before, and vLLM had one more token of it under way
                continue
            (drawn,) = output.outputs
            if _take(row, drawn):
                del active[output.request_id]
                if not output.finished:
                    self._engine.abort_request([output.request_id])
                yield row.response()

    @staticmethod
    def _drained(responses: list[GenerationResponse]) -> Iterator[GenerationResponse]:
        while responses:
            yield responses.pop(0)


def engine_arguments(model: VllmModel, adapter: Adapter | None) -> dict[str, Any]:
    """The arguments of vLLM's engine; those that the user gave, which are none of coma's own, go on top."""
    arguments: dict[str, Any] = {
        "model": model.source,
        "revision": model.revision,
        "trust_remote_code": model.trust_remote_code,
        "dtype": model.dtype,
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # the model's own end tokens and settings come with the requests
        "logprobs_mode": "raw_logprobs",
        "seed": 0,
        "max_model_len": model.context,
        "max_num_seqs": model.rows,
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": model.context + PROMPTS_AT_ONCE_TOKENS,
        "enable_prefix_caching": not model.deterministic,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    if model.cache_bytes is not None:
        arguments["kv_cache_memory_bytes"] = model.cache_bytes
    if adapter is not None:
        rank = max(int(adapter.config.get("r") or 1), *(adapter.config.get("rank_pattern") or {"": 1}).values())
        fits = next((known for known in LORA_RANKS if known >= rank), rank)
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": fits}
    return {**arguments, **model.arguments}


def _take(row: Row, drawn: Any) -> bool:
    """Add the tokens that vLLM drew to a row; returns whether it has ended, by itself or at vLLM's limit."""
    for token, candidates in zip(drawn.token_ids, drawn.logprobs, strict=True):
        if row.take(token, candidates[token].logprob):
            return True
    if drawn.finish_reason is not None:
        row.finish_reason = "error" if drawn.finish_reason == "error" else "length"
    return row.finish_reason is not None


def _sampling_parameters(kind: Any, output_kind: Any, request: GenerationRequest, most: int, *, watched: bool) -> Any:
    """The parameters of vLLM for a request of at most `most` tokens; only what the request names ends it.

    Tokens of a `watched` row are returned as they are drawn, of others when it has ended.
    """
    decoding = request.decoding
    return kind(
        n=1,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        seed=None if decoding.temperature == 0 else request.seed,
        repetition_penalty=decoding.repetition_penalty,
        min_tokens=min(decoding.min_new_tokens, most),
        max_tokens=most,
        stop_token_ids=list(request.stop_ids),
        ignore_eos=True,
        detokenize=False,
        logprobs=0,
        output_kind=output_kind.DELTA if watched else output_kind.FINAL_ONLY,
    )


def _prompt(token_ids: Sequence[int]) -> dict[str, list[int]]:
    return {"prompt_token_ids": list(token_ids)}


def _lora_request(adapter: Adapter) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(adapter.folder.name or "adapter", _ADAPTER_ID, str(adapter.folder.absolute()))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what vLLM raises into an error with a hint: it has no classes of errors for what users can act on."""
    try:
        yield
    except (CliError, KeyboardInterrupt):
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        memory = " Lower --batch-size, or end other programs." if is_out_of_memory(error) else ""
        raise CliError(
            f"vLLM {what}: {shortened(first, 300)}",
            f"{memory} VLLM_LOGGING_LEVEL=INFO shows what it does; --engine transformers loads most models.".strip(),
        ) from error
