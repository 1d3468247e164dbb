"""Programs that look for the answers instead of solving: each technique is a generator of what it could read.

What a technique reads is searched for a marker of two halves. The pattern keeps them apart, as the program's text does:
a program that searches its own memory does not find itself.
"""

import textwrap
from collections.abc import Sequence

from tests.sandbox.cheats import descriptors, files, frames, memory, timing

SEARCH = """
import re
FIRST, SECOND, PLANTED = {first!r}, {second!r}, {planted!r}
PATTERN = re.compile((FIRST + "(?:)" + SECOND + "([a-z]+)").encode())

def found():
    kinds = set()
    for blob in blobs():
        data = blob if isinstance(blob, bytes) else str(blob).encode("utf-8", "surrogatepass")
        kinds |= set(word.decode() for word in PATTERN.findall(data))
    return sorted(kinds)

def attempt(act, *arguments):
    try:
        return act(*arguments)
    except (OSError, ImportError, ValueError, TypeError, AttributeError, RuntimeError, KeyError):
        return None

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 22)
    except (OSError, ValueError):
        return b""

def names_in(folder):
    import os
    return attempt(os.listdir, folder) or []
"""

# Everything that a technique may find, put there by the program itself: run with it, each has to find something.
PLANT = """
import ctypes, gc, os, re, socket, sys
OWN = FIRST + SECOND + "own"
with open(".env", "w") as _file:
    _file.write(OWN)
PLANTED = [*PLANTED, os.path.abspath(".env")]
KEPT_TEXT = [OWN * 300, {"key": OWN + "."}]
BLOCKS = [(OWN + str(n)) * 100 for n in range(200)]
del BLOCKS[::2]  # those that stay keep malloc from giving the freed ones back to the system
OPEN = os.open(".env", os.O_RDONLY)
ENDS = socket.socketpair()
ENDS[0].send(OWN.encode())
PASSED = socket.socketpair()
socket.send_fds(PASSED[0], [b"x"], [OPEN])
WIDE_TEXT = [(OWN + "wide" + chr(0x1F600)) * 300]
re.compile(OWN)
KEPT_NAME = sys.intern(OWN[:1] + OWN[1:])

def suspended():
    local = OWN + "suspended"
    yield
SUSPENDED_ONE = suspended()
next(SUSPENDED_ONE)

class Slotted:
    __slots__ = ("text",)
HOLDER = Slotted()
HOLDER.text = OWN + "slot"

class Cycle:
    pass
gc.disable()
ROUND = Cycle()
ROUND.round, ROUND.text = ROUND, OWN + "garbage"
del ROUND

libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
SHARED = libc.shmget(0, 4096, 0o1600)
PLACE = libc.shmat(SHARED, None, 0) if SHARED >= 0 else None
if PLACE not in (None, 2**64 - 1):
    ctypes.memmove(PLACE, OWN.encode(), len(OWN))
    libc.shmctl(SHARED, 0, None)  # removed with its last user
try:
    NAMED = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    NAMED.bind(chr(0) + OWN)
except OSError:
    pass

def surrounded():
    local = OWN + "local"
    try:
        raise ValueError(OWN)
    except ValueError:
        return found()
"""

FILES, MEMORY, FRAMES = files.TECHNIQUES, memory.TECHNIQUES, frames.TECHNIQUES
DESCRIPTORS, TIMING = descriptors.TECHNIQUES, timing.TECHNIQUES
TECHNIQUES = {**FILES, **MEMORY, **FRAMES, **DESCRIPTORS, **TIMING}
# What finds the program's own markers under isolation too.
INSIDE = {
    **MEMORY,
    **FRAMES,
    **TIMING,
    **{name: DESCRIPTORS[name] for name in ("descriptors", "sockets", "passed rights")},
}
INSIDE.pop("proc mem")


def program(technique: str, halves: tuple[str, str], planted: Sequence[str], *, plant: bool = False) -> str:
    """A program whose function `cheat` returns the kinds of markers that a technique finds."""
    search = SEARCH.format(first=halves[0], second=halves[1], planted=list(planted))
    call = "surrounded()" if plant else "found()"
    end = f"def cheat():\n    return {call}\n"
    return "\n".join((search, PLANT if plant else "", textwrap.dedent(technique), end))


SOLVE = """
def candidates(blob):
    text = blob.decode("utf-8", "replace") if isinstance(blob, bytes) else str(blob)
    for start in re.finditer(r"def " + NAME + r"\\(", text):
        yield text[start.start():start.start() + 20_000].split("\\0")[0]
    for line in text.splitlines():
        if '"canonical_solution"' in line and NAME in line:
            row = attempt(json.loads, line)
            if row:
                yield row["prompt"] + row["canonical_solution"]

def implementation(text):
    lines = text.splitlines()
    for end in range(len(lines), 1, -1):
        body = "\\n".join(lines[:end])
        try:
            names = {}
            exec("from typing import *\\nimport math\\n" + body, names)
        except BaseException:
            continue
        code = names[NAME].__code__
        if code.co_code != EMPTY.__code__.co_code:
            return names[NAME]

def EMPTY():
    "says nothing"

import json
for _blob in blobs():
    for _text in candidates(_blob):
        _answer = attempt(implementation, _text)
        if _answer is not None:
            globals()[NAME] = _answer
"""


def adapted(technique: str, name: str, *, answer: str = "") -> str:
    """A program that solves a problem only by the answers that its technique finds; `answer`: one that it holds."""
    search = SEARCH.format(first="", second="", planted=[])
    # Long enough to lie on the heap, where a short text would be in the interpreter's own pools.
    held = f"HELD = {answer!r} + chr(0) + '#' * {len(answer) + 4096}\n" if answer else ""
    return "\n".join((search, held, textwrap.dedent(technique), f"NAME = {name!r}", SOLVE))
