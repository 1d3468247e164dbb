"""How likely a model thinks a given text is, token by token in one pass; nothing is drawn."""

from collections.abc import Sequence
from typing import Any

import torch

from coma_cli.engines.innermost import accepted


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def log_probability(model: Any, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
    """The natural logarithm of the probability of a continuation after a prompt, at temperature 1.

    Raises:
        ValueError: the prompt is empty, so that nothing predicts the first token.
    """
    if not prompt_ids:
        raise ValueError("a continuation needs a prompt")
    if not continuation_ids:
        return 0.0
    ids = torch.tensor([[*prompt_ids, *continuation_ids]], device=model.device)
    wanted = len(continuation_ids) + 1  # the last one predicts what follows the continuation
    logits = model(input_ids=ids, use_cache=False, **accepted(model, {"logits_to_keep": wanted})).logits[0, -wanted:-1]
    drawn = ids[0, len(prompt_ids) :, None]
    return float(logits.float().log_softmax(dim=-1).gather(-1, drawn).double().sum())
