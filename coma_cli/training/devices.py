"""Devices to estimate a training run for, as data.

Source: the vendors' data sheets; `teraflops` are dense bfloat16 (float16 where there is no bfloat16) with float32 sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coma_cli.catalog import index
from coma_cli.errors import UsageError, unknown_name


@dataclass(frozen=True)
class AcceleratorDevice:
    """A kind of GPU: its memory in gigabytes (of 10^9 bytes, as reported by the driver), and its speed.

    `count` of them share the work: the state of full tuning is sharded over them, an adapter is copied to each.
    """

    name: str
    memory_gb: float
    teraflops: float
    bfloat16: bool = True
    count: int = 1

    @property
    def title(self) -> str:
        """The name as a user writes it."""
        return self.name if self.count == 1 else f"{self.count}x{self.name}"


DEVICES: Mapping[str, AcceleratorDevice] = index(
    AcceleratorDevice("t4", 15.6, 65, bfloat16=False),
    AcceleratorDevice("v100-32gb", 34.0, 125, bfloat16=False),
    AcceleratorDevice("rtx3090", 25.3, 71),
    AcceleratorDevice("rtx4090", 25.3, 165),
    AcceleratorDevice("rtx5090", 33.7, 210),
    AcceleratorDevice("a10-24g", 23.7, 125),
    AcceleratorDevice("l4-24g", 23.7, 121),
    AcceleratorDevice("l40s-48g", 47.6, 362),
    AcceleratorDevice("a6000-48g", 50.9, 155),
    AcceleratorDevice("a100-40g", 42.3, 312),
    AcceleratorDevice("a100-80g", 84.9, 312),
    AcceleratorDevice("h100-80g", 84.9, 989),
    AcceleratorDevice("h200-141g", 150.0, 989),
)


def named_device(text: str) -> AcceleratorDevice:
    """The device of a name such as `a100-80g` or `8xa100-80g`.

    Raises:
        UsageError: there is none of that name.
    """
    count, times, name = text.partition("x")
    if not (times and count.isdigit()):
        count, name = "1", text
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    if int(count) < 1:
        raise UsageError(f"{text} is not a number of devices.", f"--for-device {name}")
    return replace(DEVICES[name], count=int(count))
