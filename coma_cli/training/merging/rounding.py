"""The weights that training saw on a base in fewer bits: rounded as bitsandbytes rounds them, and back.

Import inside functions: it needs the train extra.
"""

from dataclasses import dataclass
from typing import Any

import torch

from coma_cli.models.quantization import eight_bit_config, four_bit_config
from coma_cli.training.merging.planning import EIGHT_BIT, FOUR_BIT

_LAYERS = {FOUR_BIT: "Linear4bit", EIGHT_BIT: "Linear8bitLt"}


@dataclass(frozen=True)
class BaseRounding:
    """How a base was rounded for training: to `FOUR_BIT` or `EIGHT_BIT`, from the dtype that it was loaded in."""

    bits: str
    seen: torch.dtype

    def layers(self, model: Any) -> frozenset[str]:
        """Names of the layers that transformers stores in fewer bits when it loads a base so."""
        from copy import deepcopy

        from transformers.quantizers import AutoHfQuantizer

        from coma_cli.models.loading import Placement

        four = self.bits == FOUR_BIT
        config = four_bit_config(Placement("cpu", torch.float32)) if four else eight_bit_config()
        quantizer = AutoHfQuantizer.from_config(config)
        model = deepcopy(model)
        quantizer.preprocess_model(model=model, device_map=None, keep_in_fp32_modules=None, checkpoint_files=None)
        return frozenset(name for name, module in model.named_modules() if type(module).__name__ == _LAYERS[self.bits])

    def of(self, weight: torch.Tensor, *, transposed: bool = False) -> torch.Tensor:
        """A weight (outputs, inputs) after the rounding; `transposed` for GPT-2's, stored as (inputs, outputs)."""
        loaded = (weight.T if transposed else weight).to(self.seen).contiguous()
        values = _four_bits(loaded) if self.bits == FOUR_BIT else _eight_bits(loaded)
        return values.T.contiguous() if transposed else values


def _four_bits(weight: torch.Tensor) -> torch.Tensor:
    """NF4 with doubly quantized constants, dequantized to the weight's dtype, in which bitsandbytes multiplies."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    packed, state = quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    return dequantize_4bit(packed, state).to(weight.dtype)


def _eight_bits(weight: torch.Tensor) -> torch.Tensor:
    """LLM.int8(): integers with one scale per output, in float32, which holds their products exactly enough.

    bitsandbytes takes them from float16 whatever the base's dtype is. Training also rounded each layer's input, by the
    values of each batch, which no merged weight can hold.
    """
    from bitsandbytes.functional import int8_vectorwise_dequant, int8_vectorwise_quant

    codes, scales, _ = int8_vectorwise_quant(weight.to(torch.float16))
    return int8_vectorwise_dequant(codes, scales).float()
