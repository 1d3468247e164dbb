# Raw names of /proc: pathlib would be one more import in each zygote.
# ruff: noqa: PTH123
"""How a zygote's memory is laid out, so that forking from it is cheap.

A page that a program's process or its zygote writes to after the fork is copied, and in Python every use of an object
writes to it. What costs time is therefore not how much is used but over how many pages it is strewn. Imports leave a
heap full of small gaps; whatever is made later fills them, one object here and one there, each in a page of its own.
With the gaps used up, what is made later lies together.

Every mapping is copied too. A library comes in five: its head, its code, its constants, what is fixed after loading,
and its data. With fewer kinds of protection two are left of it.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import NamedTuple

from coma_cli.sandbox.inside.isolation import syscalls

# Imported before our own code, so that its objects lie together, and so that programs find these in memory. `typing`
# brings most of the others along. Of the 1,138 references of HumanEval and MBPP 48 import `math` and 18 `heapq`; only
# 4 import any of `bisect`, `copy`, `datetime` and `string`, which would cost every fork more than they save those few.
_COMMON_MODULES = (
    "typing",
    "math",
    "collections",
    "re",
    "itertools",
    "functools",
    "heapq",
    "operator",
)
_OUR_MODULES = ("_socket", "contextlib", "ctypes", "json", "resource", "select", "signal", "struct")

# CPython's allocator of small objects (Objects/obmalloc.c): blocks of up to 512 bytes, in steps of 16, each size from
# pools of its own. A bytes object takes 33 bytes more than its length.
_LARGEST_BLOCK, _STEP, _BYTES_OVERHEAD = 512, 16, 33
_POOL = 1 << 14
_POOL_HEADER_MAX = 64
_TRIES = 3000
_gaps: list[list[bytes]] = []

_READ, _WRITE, _EXECUTE = 1, 2, 4  # include/uapi/asm-generic/mman-common.h


def import_common_modules() -> None:
    """Import what most programs import, and what our own code does, and leave no gaps behind."""
    for name in _COMMON_MODULES + _OUR_MODULES:
        __import__(name)
    gc.collect()
    use_up_gaps()


def use_up_gaps() -> None:
    """Take every free block among those in use, for good; what is made from now on comes from fresh pools.

    Another allocator than CPython's gives addresses that tell nothing: then some hundred kilobytes are lost.
    """
    for size in range(3 * _STEP, _LARGEST_BLOCK + 1, _STEP):
        _gaps.append(_blocks_up_to_a_fresh_pool(size))


def _blocks_up_to_a_fresh_pool(size: int) -> list[bytes]:
    """Blocks of one size, up to the first three of a pool that nobody has used: they begin it and follow each other."""
    blocks: list[bytes] = []
    fresh = last = 0
    while fresh < 3 and len(blocks) < _TRIES:
        blocks.append(bytes(size - _BYTES_OVERHEAD))
        place = id(blocks[-1])
        if place % _POOL < _POOL_HEADER_MAX:
            fresh = 1
        elif fresh:
            fresh = fresh + 1 if place == last + size else 0
        last = place
    return blocks


def join_mappings() -> None:
    """Give neighbouring parts of one library one protection, so that the kernel makes one mapping of them.

    What was only read becomes executable or writable as its neighbour is. That takes nothing from the walls: programs
    may call `mprotect` as they like, and run what machine code they like. To be called while there is a /proc.
    """
    for part, protection in joinable(_own_mappings()):
        # Some systems allow no change of a library's protection: then it stays as it is.
        with contextlib.suppress(OSError):
            syscalls.call("mprotect", part.start, part.end - part.start, protection)


class Part(NamedTuple):
    """One line of /proc/self/maps."""

    start: int
    end: int
    permissions: str
    offset: int
    file: str

    @classmethod
    def of(cls, line: str) -> Part:
        words = line.split(maxsplit=5)
        start, _, end = words[0].partition("-")
        file = words[5].strip() if len(words) > 5 else ""
        return cls(int(start, 16), int(end, 16), words[1], int(words[2], 16), file)

    def goes_on_in(self, other: Part) -> bool:
        """Whether the other part follows in memory as it does in the file."""
        same_file = self.file == other.file and self.file.startswith("/")
        return same_file and self.end == other.start and self.offset + self.end - self.start == other.offset


def _own_mappings() -> list[Part]:
    """In the order of their addresses; none where the kernel lists none."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as listing:
            return [Part.of(line) for line in listing]
    except OSError:
        return []


def joinable(parts: list[Part]) -> Iterator[tuple[Part, int]]:
    """Parts that are only read, with the protection of the neighbour that they can be joined to."""
    for place, part in enumerate(parts):
        if part.permissions != "r--p":
            continue
        around = parts[max(0, place - 1) : place + 2]
        near = {other.permissions for other in around if other.goes_on_in(part) or part.goes_on_in(other)}
        if "r-xp" in near:
            yield part, _READ | _EXECUTE
        elif "rw-p" in near:
            yield part, _READ | _WRITE
