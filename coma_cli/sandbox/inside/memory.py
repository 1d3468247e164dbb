"""How a zygote's memory is laid out, so that forking from it is cheap.

A page that a program's process or its zygote writes to after the fork is copied, and in Python every use of an object
writes to it. What costs time is therefore not how much is used but over how many pages it is strewn. Imports leave a
heap full of small gaps; whatever is made later fills them, one object here and one there, each in a page of its own.
With the gaps used up, what is made later lies together.
"""

from __future__ import annotations

import gc
import sys

# Imported before our own code, so that its objects lie together, and so that programs find these in memory. Each has
# at least 3 of the 1,138 references of HumanEval and MBPP that import it; `bisect`, `copy`, `datetime` and `string`,
# with 4 together, would cost every fork more than they save those few programs.
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
# pools of its own, which were a page before 3.10. The smallest bytes object takes 33 bytes and its length.
_LARGEST_BLOCK, _STEP, _BYTES_OVERHEAD = 512, 16, 33
_POOL = 1 << 14 if sys.version_info >= (3, 10) else 1 << 12
_POOL_HEADER_MAX = 64
_TRIES = 3000
_gaps: list[list[bytes]] = []


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
