"""The default engine: a transformers model in this process, on one device.

Models with plain full attention are sampled by `continuous`: rows of many prompts at once, each prompt's keys and
values stored once. Others (sliding windows, recurrent layers, remote code) go through `decoding`, one padded batch
after the other; `path` says which and why. A row's random numbers depend only on its own seed. The last bits of its
logits also depend on how many rows are computed together, unless `deterministic`: then a row has the same bits in any
company.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from coma_cli.engines.continuous import ContinuousBatch
from coma_cli.engines.decoding import decode_batch
from coma_cli.engines.fused_linears import join_linears
from coma_cli.engines.innermost import innermost
from coma_cli.engines.int8_linears import to_int8
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.log_probabilities import log_probability
from coma_cli.engines.out_of_memory import fewer_rows, one_row_too_many
from coma_cli.engines.packed_linears import pack_linears
from coma_cli.engines.row import fitting_requests
from coma_cli.engines.row_support import row_step, use_row_attention
from coma_cli.engines.waiting import WaitingRequests
from coma_cli.errors import is_out_of_memory
from coma_cli.models.description import CONTEXT_KEYS
from coma_cli.prompting import Tokenizer, decode_answer

UNLIMITED_CONTEXT = 1 << 20
DEFAULT_ROWS = 32

# Responses until there is nothing to do; returns the requests to start from scratch if memory ran out, else None.
Attempt = Generator[GenerationResponse, None, list[GenerationRequest] | None]


class TransformersEngine:
    """Completions from a loaded causal language model and its tokenizer, up to `rows` at once.

    With `int8` its linear layers are rounded to 8 bits, for a CPU. `on_fewer_rows` is told the new number of rows when
    memory ran out.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        *,
        rows: int = DEFAULT_ROWS,
        deterministic: bool = False,
        int8: bool = False,
        on_fewer_rows: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self.model = model.eval()
        self._decode = partial(decode_answer, tokenizer)
        self._context = context_length(innermost(model).config)
        self._deterministic = deterministic
        self._on_fewer_rows = on_fewer_rows
        self.rows = rows
        self.unsupported = use_row_attention(model)
        join_linears(innermost(model))
        if int8:
            to_int8(innermost(model))
        pack_linears(innermost(model))
        self.step = None if self.unsupported else row_step(model)

    @property
    def path(self) -> str:
        """How rows are computed, for people."""
        if self.unsupported is None:
            return "a continuous batch"
        return f"{'batches of one row' if self._deterministic else 'padded batches'} ({self.unsupported})"

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order of completion.

        When memory runs out, the rows being sampled start from scratch, half as many at once.

        Raises:
            UsageError: a request has no prompt tokens. CliError: not even one row fits in memory.
        """
        too_long: list[GenerationResponse] = []
        waiting = WaitingRequests(fitting_requests(requests, self._context, too_long))
        compute = self._continuously if self.unsupported is None else self._batch_by_batch
        unfinished: list[GenerationRequest] | None = []
        while unfinished is not None:
            waiting.put_back(unfinished)
            unfinished = yield from compute(waiting, too_long)
            if unfinished is not None:
                self.rows = fewer_rows(self.rows, len(unfinished))
                self._on_fewer_rows(self.rows)
        yield from self._drained(too_long)

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
        """The natural logarithm of the probability that the model continues a prompt so, at temperature 1.

        Raises:
            CliError: it does not fit in memory.
        """
        try:
            found: float = log_probability(self.model, prompt_ids, continuation_ids)
            return found
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise one_row_too_many() from error

    def _continuously(self, waiting: WaitingRequests, too_long: list[GenerationResponse]) -> Attempt:
        """Yield responses; returns the requests to start from scratch if memory ran out, None if all are answered."""
        assert self.step is not None
        batch = ContinuousBatch(
            self.model, self.step, self._context, self._decode, self.rows, exact=self._deterministic
        )
        try:
            for row in batch.run(waiting):
                yield row.response()
                yield from self._drained(too_long)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return batch.unfinished
        return None

    def _batch_by_batch(self, waiting: WaitingRequests, too_long: list[GenerationResponse]) -> Attempt:
        """The same in padded batches. A batch of one row has no neighbours to depend on."""
        size = 1 if self._deterministic else self.rows
        while batch := list(islice(waiting, size)):
            unfinished = {request.key: request for request in batch}
            try:
                for row in decode_batch(self.model, batch, self._context, self._decode):
                    del unfinished[row.request.key]
                    yield row.response()
                    yield from self._drained(too_long)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                return list(unfinished.values())
        return None

    @staticmethod
    def _drained(responses: list[GenerationResponse]) -> Iterator[GenerationResponse]:
        while responses:
            yield responses.pop(0)


def context_length(config: Any) -> int:
    """The context length in a model's configuration, for prompt and completion together."""
    text_config = config.get_text_config(decoder=True)
    lengths = (getattr(text_config, key, None) for key in CONTEXT_KEYS)
    return next((int(length) for length in lengths if length), UNLIMITED_CONTEXT)
