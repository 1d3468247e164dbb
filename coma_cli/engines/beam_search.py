"""Beam search by transformers' own `generate`, one request at a time: beams share nothing with a continuous batch.

At a temperature above 0 it samples within the beams, with the request's seed. Stop texts cut the answer afterwards:
they do not change which beam wins.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from coma_cli.engines.innermost import innermost
from coma_cli.engines.int8_linears import to_int8
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.row import prompt_too_long
from coma_cli.engines.transformers_engine import context_length
from coma_cli.errors import CliError, UsageError, is_out_of_memory
from coma_cli.prompting import Tokenizer, decode_answer

_SEED_BITS = 63


class BeamEngine:
    """Completions by beam search from a loaded causal language model and its tokenizer.

    With `int8` the model's linear layers are rounded to 8 bits, for a CPU.
    """

    path = "beam search, one request after the other"

    def __init__(self, model: Any, tokenizer: Tokenizer, *, int8: bool = False) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._context = context_length(innermost(model).config)
        if int8:
            to_int8(innermost(model))

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order.

        Raises:
            UsageError: a request has no prompt tokens. CliError: the beams of one do not fit in memory.
        """
        for request in requests:
            if not request.prompt_ids:
                raise UsageError(f"The prompt of {request.key} has no tokens.", "Choose another --template.")
            length = len(request.prompt_ids)
            if length >= self._context:
                error = prompt_too_long(length, self._context)
                yield GenerationResponse(request.key, "", "error", length, 0, error=error)
                continue
            try:
                yield self._response(request, self._search(request))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise CliError(
                    f"{request.decoding.num_beams} beams do not fit in memory; rows finished so far are kept.",
                    "Lower --num-beams or --max-new-tokens.",
                ) from error

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
    def _search(self, request: GenerationRequest) -> list[int]:
        """The tokens of the best beam."""
        decoding = request.decoding
        ids = torch.tensor([request.prompt_ids], device=self._model.device)
        options: dict[str, Any] = {"do_sample": False}
        if decoding.temperature > 0:
            options = {"do_sample": True, "temperature": decoding.temperature, "top_p": decoding.top_p}
            options["top_k"] = decoding.top_k
        pad = request.stop_ids[0] if request.stop_ids else 0
        devices = [self._model.device] if self._model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(request.seed % (1 << _SEED_BITS))
            found = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                num_beams=decoding.num_beams,
                max_new_tokens=min(decoding.max_new_tokens, self._context - len(request.prompt_ids)),
                min_new_tokens=decoding.min_new_tokens or None,
                repetition_penalty=decoding.repetition_penalty,
                eos_token_id=list(request.stop_ids) or None,
                pad_token_id=pad,
                **options,
            )
        return [int(token) for token in found[0, len(request.prompt_ids) :]]

    def _response(self, request: GenerationRequest, tokens: list[int]) -> GenerationResponse:
        end = next((place for place, token in enumerate(tokens) if token in request.stop_ids), None)
        text = decode_answer(self._tokenizer, request.prompt_ids, tokens if end is None else tokens[:end])
        cuts = [(place, stop) for stop in request.stop_texts if stop and (place := text.find(stop)) >= 0]
        stop_reason = min(cuts)[1] if cuts else "" if end is None else str(tokens[end])
        return GenerationResponse(
            key=request.key,
            text=text[: min(cuts)[0]] if cuts else text,
            finish_reason="stop" if cuts else "length" if end is None else "eos",
            stop_reason=stop_reason,
            prompt_tokens=len(request.prompt_ids),
            completion_tokens=len(tokens) if end is None else end + 1,
        )
