# Plain paths in /proc: pathlib would be one more import in each zygote.
# ruff: noqa: PTH123
"""Lays out a zygote's memory so that forking from it is cheap.

A page that a program's process or its zygote writes to after the fork is copied, and in Python every use of an object
writes to it. So the cost depends not on how much memory is used, but on how many pages it is spread over. Imports leave
a heap full of small gaps, which later objects fill, one here and one there, each in a different page. With the gaps
used up, later objects are allocated next to each other.

Every mapping is copied too. A library has five: its header, code, constants, relocated data and data. With fewer
protections only two are left.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import NamedTuple

from coma_cli.sandbox.inside.isolation import syscalls

# Imported before our own code, so that its objects are close together, and so that they are in memory for programs.
# `typing` imports most of the others. Of the 1,138 references of HumanEval and MBPP 48 import `math`, 18 `heapq`; only
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

# CPython's small-object allocator (Objects/obmalloc.c): blocks of up to 512 bytes, in steps of 16, each size from its
# own pools. A bytes object takes 33 bytes more than its length.
_LARGEST_BLOCK, _STEP, _BYTES_OVERHEAD = 512, 16, 33
_POOL = 1 << 14
_POOL_HEADER_MAX = 64
_TRIES = 3000
_gaps: list[list[bytes]] = []

_READ, _WRITE, _EXECUTE = 1, 2, 4  # include/uapi/asm-generic/mman-common.h


def import_common_modules() -> None:
    """Import what most programs and our own code import, and fill the gaps in the heap."""
    for name in _COMMON_MODULES + _OUR_MODULES:
        __import__(name)
    gc.collect()
    use_up_gaps()


def use_up_gaps() -> None:
    """Allocate every free block between those in use, permanently, so that later objects come from fresh pools.

    With an allocator other than CPython's the addresses mean nothing, and some hundred kilobytes are wasted.
    """
    for size in range(3 * _STEP, _LARGEST_BLOCK + 1, _STEP):
        _gaps.append(_blocks_up_to_a_fresh_pool(size))


def _blocks_up_to_a_fresh_pool(size: int) -> list[bytes]:
    """Blocks of one size, up to the first three of a fresh pool, which start the pool and are adjacent."""
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
    """Give adjacent parts of a library the same protection, so that the kernel merges their mappings.

    Read-only parts become executable or writable like their neighbour. This does not weaken isolation: programs may
    call `mprotect` and run any machine code anyway. Call while /proc is still mounted.
    """
    for part, protection in joinable(_own_mappings()):
        # Some systems don't allow changing a library's protection.
        with contextlib.suppress(OSError):
            syscalls.call("mprotect", part.start, part.end - part.start, protection)


class MappedPart(NamedTuple):
    """One line of /proc/self/maps."""

    start: int
    end: int
    permissions: str
    offset: int
    file: str

    @classmethod
    def of(cls, line: str) -> MappedPart:
        words = line.split(maxsplit=5)
        start, _, end = words[0].partition("-")
        file = words[5].strip() if len(words) > 5 else ""
        return cls(int(start, 16), int(end, 16), words[1], int(words[2], 16), file)

    def goes_on_in(self, other: MappedPart) -> bool:
        """Whether the other part directly follows, in memory as in the file."""
        same_file = self.file == other.file and self.file.startswith("/")
        return same_file and self.end == other.start and self.offset + self.end - self.start == other.offset


def _own_mappings() -> list[MappedPart]:
    """Our mappings by address; empty if the kernel does not list them."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as listing:
            return [MappedPart.of(line) for line in listing]
    except OSError:
        return []


def joinable(parts: list[MappedPart]) -> Iterator[tuple[MappedPart, int]]:
    """Read-only parts, with the protection of the neighbour they can be merged with."""
    for place, part in enumerate(parts):
        if part.permissions != "r--p":
            continue
        around = parts[max(0, place - 1) : place + 2]
        near = {other.permissions for other in around if other.goes_on_in(part) or part.goes_on_in(other)}
        if "r-xp" in near:
            yield part, _READ | _EXECUTE
        elif "rw-p" in near:
            yield part, _READ | _WRITE
