"""The ways to tune as data: what is trained, how the frozen rest is stored, and what follows from that.

finetune has one code path; it reads these entries where the modes differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coma_cli.catalog import index


@dataclass(frozen=True)
class Mode:
    """A way to tune.

    `adapter`: LoRA matrices are trained and the base is frozen; else all weights are trained. `four_bit`: the base's
    linear layers are stored as NF4 with doubly quantized constants; `eight_bit`: as int8 with one scale per output
    (LLM.int8()).
    """

    name: str
    adapter: bool
    four_bit: bool
    packages: tuple[str, ...]
    eight_bit: bool = False

    @property
    def quantized(self) -> bool:
        """Whether the base's linear layers are stored in fewer bits."""
        return self.four_bit or self.eight_bit

    @property
    def output(self) -> str:
        """The folder that finetune writes."""
        return "adapter" if self.adapter else "model"


_COMMON = ("torch", "transformers", "accelerate", "safetensors")

LORA = Mode("lora", adapter=True, four_bit=False, packages=(*_COMMON, "peft"))
QLORA = Mode("qlora", adapter=True, four_bit=True, packages=(*_COMMON, "peft", "bitsandbytes"))
INT8_LORA = Mode(
    "int8-lora",
    adapter=True,
    four_bit=False,
    packages=(*_COMMON, "peft", "bitsandbytes"),
    eight_bit=True,
)
FULL = Mode("full", adapter=False, four_bit=False, packages=_COMMON)
MODES: Mapping[str, Mode] = index(LORA, QLORA, INT8_LORA, FULL)
