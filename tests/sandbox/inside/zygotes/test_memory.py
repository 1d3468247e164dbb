"""The layout of a zygote's memory, looked at from within processes that lay out their own."""

import json
import subprocess
import sys
from typing import Any

import pytest

from coma_cli.sandbox.inside.zygotes import memory

STREWN = """
import json
from coma_cli.sandbox.inside.zygotes import memory

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


JOINED = """
import decimal, json, os, re, sqlite3, zlib
from coma_cli.sandbox.inside.zygotes import memory

def mappings():
    with open("/proc/self/maps") as listing:
        return [line.split()[1] for line in listing]

before = mappings()
memory.join_mappings()
after = mappings()
pid = os.fork()
if pid == 0:
    rows = sqlite3.connect(":memory:").execute("select 1 + 1").fetchall()
    well = rows == [(2,)] and decimal.Decimal("0.1") * 3 == decimal.Decimal("0.3")
    os._exit(0 if well and re.match("a+", "aa") and zlib.decompress(zlib.compress(b"x")) == b"x" else 1)
print(json.dumps([before, after, os.waitpid(pid, 0)[1]]))
"""


def look_within(script: str) -> Any:
    """What a script prints as JSON in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_objects_made_after_the_gaps_are_used_up_are_adjacent() -> None:
    before, after = look_within(STREWN)
    assert sum(before.values()) > 10 * len(before)
    # Twenty blocks of one size in a row, wherever in a page the first of them begins.
    assert {size: count for size, count in after.items() if count > 20 * int(size) // 4096 + 2} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the mappings of a process")
def test_libraries_take_fewer_mappings_once_joined_and_still_work() -> None:
    before, after, status = look_within(JOINED)
    assert status == 0
    assert len(after) < 0.7 * len(before)
    # Nothing becomes both writable and executable.
    assert [permissions for permissions in after if "w" in permissions and "x" in permissions] == []


def listing(*parts: tuple[int, int, str, int, str]) -> list[memory.MappedPart]:
    return [memory.MappedPart.of(f"{s:x}000-{e:x}000 {p} {o:x}000 fe:00 7  {file}\n") for s, e, p, o, file in parts]


def test_only_parts_that_follow_in_memory_as_in_their_file_are_joined() -> None:
    parts = listing(
        (10, 11, "r--p", 0, "/lib/a b.so"),
        (11, 14, "r-xp", 1, "/lib/a b.so"),
        (14, 15, "r--p", 4, "/lib/a b.so"),
        (15, 16, "r--p", 4, "/lib/a b.so"),
        (16, 17, "rw-p", 5, "/lib/a b.so"),
        (17, 18, "r--p", 0, "/lib/c.so"),
        (20, 21, "r-xp", 1, "/lib/c.so"),
        (21, 22, "rw-p", 0, ""),
        (22, 23, "r--p", 0, "[vvar]"),
        (23, 24, "r-xp", 1, "[vdso]"),
        (30, 31, "r--s", 0, "/cache"),
        (31, 32, "rw-s", 1, "/cache"),
    )
    joined = [(part.start >> 12, protection) for part, protection in memory.joinable(parts)]
    assert joined == [(10, 5), (14, 5), (15, 3)]
