"""The arithmetic of a merge: the base as the adapter saw it, plus scale * B @ A, rounded once, kept as a plain model.

Import inside functions: it needs the train extra.

An adapter trained with QLoRA was trained on a base that was rounded to four bits, and compensates for part of that
rounding. It is therefore merged into those rounded weights (dequantized), which gives exactly the function that was
trained; merging into the published weights gives another one that nobody has measured. That is an option, not the
default.
"""

import logging
from pathlib import Path
from typing import Any

import torch

from coma_cli.errors import UsageError
from coma_cli.models.adapters import Adapter, check_shapes, fitting, layer_shapes
from coma_cli.models.loading import DTYPES, Placement, load_model
from coma_cli.models.quantization import four_bit_config
from coma_cli.models.resolution import ResolvedBase, Trust


def load_adapted(
    adapter: Adapter, resolved: ResolvedBase, device: str, trust: Trust, *, published: bool = False
) -> Any:
    """Base and adapter side by side, in evaluation mode: weights as training saw them, arithmetic in float32.

    `published` takes the published weights even if training saw them rounded to four bits.
    """
    import peft

    if _four_bit(adapter) and not published:
        base = _load_dequantized(adapter, resolved, device, trust)
    else:
        base = load_model(resolved, torch.float32, device, trust=trust)
    with fitting(adapter) as fits:
        check_shapes(fits, layer_shapes(base))
        return peft.PeftModel.from_pretrained(base, str(fits.folder)).eval()


def _four_bit(adapter: Adapter) -> bool:
    return adapter.record is not None and adapter.record.four_bit


def _load_dequantized(adapter: Adapter, resolved: ResolvedBase, device: str, trust: Trust) -> Any:
    """The base quantized to four bits from the dtype of training and dequantized to it, then converted to float32.

    bitsandbytes multiplies with weights dequantized to the dtype of the computation, so these are the values that
    training saw. It must happen before any forward pass: on some CPUs the first one repacks the weights.
    """
    assert adapter.record is not None
    placement = Placement(device, DTYPES[adapter.record.dtype])
    config = four_bit_config(placement)
    model = load_model(resolved, placement.dtype, device, trust=trust, quantization_config=config)
    logging.getLogger("transformers.integrations.bitsandbytes").setLevel(logging.ERROR)  # it warns of what is intended
    return model.dequantize(dtype=torch.float32).float()


def merged(model: Any) -> Any:
    """An adapted float32 model merged into a plain one, not rounded yet.

    Raises:
        UsageError: the adapter contains values that are not finite.
    """
    _untie(model)
    try:
        return model.merge_and_unload(safe_merge=True)
    except ValueError as error:
        if "NaN" not in str(error):
            raise
        raise UsageError("The adapter contains values that are not finite.", "Train it again.") from error


def write(model: Any, dtype: str, folder: Path) -> None:
    """Round a merged model to `dtype` and write it."""
    model.to(DTYPES[dtype])
    model.config.dtype = DTYPES[dtype]
    model.config.use_cache = True
    model.save_pretrained(folder)


def _untie(model: Any) -> None:
    """Untie embedding and output layer if they share their weights and the adapter changes one of them.

    Merged into shared weights, the change would also affect the other, which the adapter did not adapt.
    """
    base = model.get_base_model()
    ends = [base.get_input_embeddings(), base.get_output_embeddings()]
    weights = [end.base_layer.weight if hasattr(end, "base_layer") else end.weight for end in ends if end is not None]
    if len(weights) < 2 or weights[0].data_ptr() != weights[1].data_ptr():
        return
    if any(hasattr(end, "base_layer") for end in ends):
        inner = getattr(ends[1], "base_layer", ends[1])
        inner.weight = torch.nn.Parameter(weights[1].detach().clone(), requires_grad=False)
        base.config.tie_word_embeddings = False
