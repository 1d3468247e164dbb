"""Changes logits before a token is sampled: the repetition penalty and the minimum length, as transformers does.

Both depend on a row's own prompt and tokens only, so a row's sample still does not depend on its neighbours.
Source of the penalty: Keskar et al. 2019 (arXiv:1909.05858), section 4.1, as in transformers'
`RepetitionPenaltyLogitsProcessor`, which counts the prompt too; the minimum is that of its
`MinNewTokensLengthLogitsProcessor`.
"""

from collections.abc import Sequence

import torch

from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.seeded_sampling import Draw, draw_tokens


def draw_processed(
    logits: torch.Tensor, requests: Sequence[GenerationRequest], drawn: Sequence[Sequence[int]], uniforms: torch.Tensor
) -> Draw:
    """One token for each row of `logits` `(rows, vocabulary)`; `drawn` holds each row's tokens so far.

    The log-probabilities are those of the model, before anything is changed. Both are on the CPU.
    """
    decodings = [request.decoding for request in requests]
    changed = [
        place
        for place, decoding in enumerate(decodings)
        if decoding.repetition_penalty != 1 or len(drawn[place]) < decoding.min_new_tokens
    ]
    if not changed:
        return draw_tokens(logits, decodings, uniforms)
    processed = logits.float().clone()
    for place in changed:
        _change(processed[place], requests[place], drawn[place])
    tokens = draw_tokens(processed, decodings, uniforms).tokens
    of_model = logits.float()
    chosen = of_model.gather(-1, tokens.to(of_model.device)[:, None])[:, 0]
    return Draw(tokens, (chosen - of_model.logsumexp(-1)).double().cpu())


def _change(row: torch.Tensor, request: GenerationRequest, drawn: Sequence[int]) -> None:
    """Change one row `(vocabulary,)` in place."""
    decoding = request.decoding
    if decoding.repetition_penalty != 1:
        seen = torch.tensor(sorted({*request.prompt_ids, *drawn}), device=row.device)
        values = row[seen]
        row[seen] = torch.where(values < 0, values * decoding.repetition_penalty, values / decoding.repetition_penalty)
    if len(drawn) < decoding.min_new_tokens and request.stop_ids:
        row[torch.tensor(request.stop_ids, device=row.device)] = -torch.inf
