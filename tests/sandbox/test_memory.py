"""The layout of a zygote's memory, looked at from within a process whose heap is full of gaps."""

import json
import subprocess
import sys

STREWN = """
import json
from coma_cli.sandbox.inside import memory

SIZES = range(48, 513, 16)

def pages(size):
    blocks = [bytes(size - 33) for _ in range(20)]
    return len({id(block) >> 12 for block in blocks})

heap = {size: [bytes(size - 33) for _ in range(3000)] for size in SIZES}
for blocks in heap.values():
    # One in fifty goes, so that every page has at most a few free blocks.
    del blocks[::50]
before = {size: pages(size) for size in SIZES}
memory.use_up_gaps()
print(json.dumps([before, {size: pages(size) for size in SIZES}]))
"""


def test_what_is_made_after_the_gaps_are_used_up_lies_together() -> None:
    done = subprocess.run([sys.executable, "-c", STREWN], capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)
    assert sum(before.values()) > 10 * len(before)
    # Twenty blocks of one size in a row, wherever in a page the first of them begins.
    assert {size: count for size, count in after.items() if count > 20 * int(size) // 4096 + 2} == {}
