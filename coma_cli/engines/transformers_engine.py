"""The default engine: a transformers model in this process, on one device, batch by batch.

Requests that share a `batch` are computed together. A row's random numbers depend only on its own seed, but the last
bits of its logits also depend on the other rows in the batch, so reproducing rows requires the same batches.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from coma_cli.engines.decoding import Row, decode_batch
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.log_probabilities import log_probability
from coma_cli.errors import CliError, UsageError, is_out_of_memory
from coma_cli.prompting import Tokenizer, decode_answer
from coma_cli.words import count_of

# Configuration keys for the number of positions that a model supports.
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
UNLIMITED_CONTEXT = 1 << 20


class TransformersEngine:
    """Completions from a loaded causal language model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Tokenizer) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._context = context_length(model.config)

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, batch by batch, within a batch in order of completion.

        Raises:
            UsageError: a request has no prompt tokens. CliError: a batch does not fit in memory.
        """
        for _, batch in groupby(requests, key=lambda request: request.batch):
            yield from self._generate_batch(list(batch))

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
        """The natural logarithm of the probability that the model continues a prompt so, at temperature 1.

        Raises:
            CliError: it does not fit in memory.
        """
        try:
            found: float = log_probability(self._model, prompt_ids, continuation_ids)
            return found
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise _out_of_memory(1) from error

    def _generate_batch(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResponse]:
        fitting = []
        for request in requests:
            if not request.prompt_ids:
                raise UsageError(f"The prompt of {request.key} has no tokens.", "Choose another --template.")
            if len(request.prompt_ids) < self._context:
                fitting.append(request)
            else:
                yield self._too_long(request)
        if not fitting:
            return
        try:
            for row in decode_batch(self._model, fitting, self._context, self._decode):
                yield self._response(row)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise _out_of_memory(len(requests)) from error

    def _decode(self, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> str:
        return decode_answer(self._tokenizer, prompt_ids, answer_ids)

    def _response(self, row: Row) -> GenerationResponse:
        assert row.finish_reason is not None
        request = row.request
        failed = row.finish_reason == "error"
        text = row.text if row.text is not None else self._decode(request.prompt_ids, row.answer_ids)
        return GenerationResponse(
            key=request.key,
            text="" if failed else text,
            finish_reason=row.finish_reason,
            prompt_tokens=len(request.prompt_ids),
            completion_tokens=len(row.drawn),
            log_probability=None if failed else row.log_probability,
            reasoning_tokens=len(row.drawn) if row.limit.reasons else row.limit.answer_start,
            error="The model's probabilities are not numbers; another dtype may help." if failed else "",
        )

    def _too_long(self, request: GenerationRequest) -> GenerationResponse:
        length = len(request.prompt_ids)
        return GenerationResponse(request.key, "", "error", length, 0, error=prompt_too_long(length, self._context))


def context_length(config: Any) -> int:
    """The context length in a model's configuration, for prompt and completion together."""
    text_config = config.get_text_config(decoder=True)
    lengths = (getattr(text_config, key, None) for key in CONTEXT_KEYS)
    return next((int(length) for length in lengths if length), UNLIMITED_CONTEXT)


def prompt_too_long(length: int, context: int) -> str:
    """Why a prompt can't be completed."""
    return f"The prompt's {length} tokens leave no room in a context of {context}."


def _out_of_memory(rows: int) -> CliError:
    smaller = max(1, rows // 2)
    hint = (
        f"--batch-size {smaller}" if rows > 1 else "Use a smaller --max-new-tokens, another dtype, or a smaller model."
    )
    return CliError(f"A batch of {count_of(rows, 'row')} does not fit in memory; rows finished so far are kept.", hint)
