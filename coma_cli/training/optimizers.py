"""The optimizers as data, and what replaces one that this machine does not have."""

from collections.abc import Mapping
from dataclasses import dataclass

from coma_cli.catalog import index

ADAMW = "adamw"


@dataclass(frozen=True)
class OptimizerKind:
    """An AdamW: transformers' name of it, and the bytes of both moments per trained parameter."""

    name: str
    argument: str
    moment_bytes: float
    paged: bool = False
    packages: tuple[str, ...] = ()


_BITSANDBYTES = ("bitsandbytes",)
OPTIMIZERS: Mapping[str, OptimizerKind] = index(
    OptimizerKind(ADAMW, "adamw_torch", 8),
    OptimizerKind("adamw_8bit", "adamw_bnb_8bit", 2 + 8 / 256, packages=_BITSANDBYTES),  # scales of blocks of 256
    OptimizerKind("paged_adamw_32bit", "paged_adamw_32bit", 8, paged=True, packages=_BITSANDBYTES),
    OptimizerKind("paged_adamw_8bit", "paged_adamw_8bit", 2 + 8 / 256, paged=True, packages=_BITSANDBYTES),
)


def optimizer_for(name: str, *, on_cpu: bool) -> tuple[OptimizerKind, tuple[str, ...]]:
    """The optimizer to use, and what it replaces: paging moves moments from a GPU to the host, and a CPU has no GPU."""
    wanted = OPTIMIZERS[name]
    if not on_cpu or not wanted.paged:
        return wanted, ()
    same = OPTIMIZERS[ADAMW if "32" in name else "adamw_8bit"]
    return same, (f"{name} by {same.name}: a CPU has no GPU memory to page out of",)
