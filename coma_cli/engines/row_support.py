"""Whether a model can be sampled by `continuous`: by what its configuration says, and by trying it once.

The configuration names what is known to differ from plain full attention. Then the model's logits for a few tokens are
computed in both ways: whatever else a model does with its cache or its arguments shows in them. So it is with the
leaner code for steps.
"""

from functools import partial
from typing import Any

import torch

from coma_cli.engines.continuous import Step, compute_prompt
from coma_cli.engines.innermost import accepted, innermost
from coma_cli.engines.lean_step import LeanStep
from coma_cli.engines.row_attention import ATTENTION, advance
from coma_cli.engines.row_cache import RowCache
from coma_cli.errors import is_out_of_memory

TRIAL_TOKENS = 40
TRIAL_DRAWN = 3
# Of the largest logit. Measured in float32: 2e-6 of it; in bfloat16 0.01.
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}
COARSE_TOLERANCE = 0.05


def use_row_attention(model: Any) -> str | None:
    """Switch a model to `row_attention` and return None; or leave it as it was and return why not."""
    inner = innermost(model)
    reason = _known_difference(inner)
    if reason is not None:
        return reason
    before = inner.config._attn_implementation
    try:
        expected = plain_logits(model)
        inner.set_attn_implementation(ATTENTION)
        reason = _difference(_row_logits(model, partial(advance, model)), expected)
        if reason is None:
            return None
    except Exception as error:  # whatever a model's own code raises when it is called in another way
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
    inner.set_attn_implementation(before)
    return reason


def row_step(model: Any) -> Step:
    """How a model that uses `row_attention` computes a step: by leaner code if that gives the same logits."""
    step: Step = partial(advance, model)
    lean = LeanStep.of(model)
    if lean is None:
        return step
    try:
        return lean if _difference(_row_logits(model, lean), _row_logits(model, step)) is None else step
    except Exception as error:  # whatever layers raise that have a known name but other parts
        if is_out_of_memory(error):
            raise
        return step


def _difference(found: torch.Tensor, expected: torch.Tensor) -> str | None:
    difference = float((found - expected).abs().max() / expected.abs().max())
    if difference <= TOLERANCE.get(expected.dtype, COARSE_TOLERANCE) or bool(expected.isnan().any()):
        return None
    return f"its logits differ by {difference:.2g}"


def _known_difference(model: Any) -> str | None:
    config = model.config.get_text_config(decoder=True)
    if not getattr(model, "_supports_attention_backend", False):
        return "its code does not choose its attention by name"
    kinds = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    if kinds:
        return f"it has layers with {', '.join(sorted(kinds)).replace('_', ' ')}"
    if getattr(config, "is_encoder_decoder", False):
        return "it is an encoder-decoder model"
    return None


def _trial_ids(model: Any) -> tuple[int, ...]:
    vocabulary = innermost(model).get_input_embeddings().num_embeddings
    return tuple((7 * place + 3) % vocabulary for place in range(TRIAL_TOKENS))


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def plain_logits(model: Any) -> torch.Tensor:
    """The logits after each of the last tokens, `(TRIAL_DRAWN, vocabulary)`."""
    ids = torch.tensor([_trial_ids(model)], device=model.device)
    options = accepted(model, {"use_cache": False, "logits_to_keep": TRIAL_DRAWN})
    return model(input_ids=ids, **options).logits[0, -TRIAL_DRAWN:]


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def _row_logits(model: Any, step: Step) -> torch.Tensor:
    """The same logits by two rows, with the prompt apart from the last tokens; the second row's are returned."""
    ids = _trial_ids(model)
    prompt = compute_prompt(model, ids[:-TRIAL_DRAWN])
    cache = RowCache(2, model.device)
    for slot in range(2):
        cache.add(prompt.ids, prompt.states, TRIAL_DRAWN, slot)
    return torch.stack([step(cache, [3, token])[1] for token in ids[-TRIAL_DRAWN:]])
