"""Configurations of bitsandbytes for models in fewer bits."""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from coma_cli.models.loading import Placement

Quantization = Literal["none", "int8", "nf4"]


def four_bit_config(placement: "Placement", *, float_storage: bool = False) -> Any:
    """QLoRA's base: NF4 with doubly quantized constants, computed in the placement's dtype.

    With `float_storage` the same bits are in tensors of that dtype, which can be sharded (FSDP); else in bytes.

    Source: arXiv 2305.14314, sections 3 and 4.
    """
    import transformers

    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=placement.dtype,
        **({"bnb_4bit_quant_storage": placement.dtype} if float_storage else {}),
    )


def eight_bit_config() -> Any:
    """Weights in 8 bits, inputs as well but for outliers. Source: LLM.int8(), arXiv 2208.07339."""
    import transformers

    return transformers.BitsAndBytesConfig(load_in_8bit=True)


def bitsandbytes_config(kind: Quantization, placement: "Placement") -> Any:
    """The configuration to load a model with; None where coma rounds by itself or not at all."""
    if kind == "nf4":
        return four_bit_config(placement)
    return eight_bit_config() if kind == "int8" and placement.device != "cpu" else None
