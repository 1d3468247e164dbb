"""Finds out which isolation levels work on this machine, by trying them.

| level | layers | what is lost compared with the level above |
| --- | --- | --- |
| `ns` | namespaces, own root file system, seccomp, Landlock, limits | - |
| `landlock` | seccomp, Landlock, limits | see `_LOST` |
| `rlimit` | resource limits | protection against anything but accidents |
"""

import atexit
import contextlib
import os
import selectors
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from coma_cli.sandbox import launch
from coma_cli.sandbox.contract import Level, SandboxError, SandboxUnavailable
from coma_cli.sandbox.inside.isolation import landlock
from coma_cli.sandbox.launch import Interpreter, PairKind, Setting
from coma_cli.sandbox.pair import Pair, PairError

Requested = Literal["auto", "ns", "landlock", "none"]
_TRIES = 3
PROOF_INDEX = 0  # of the pair that proves a level; those of a sandbox are counted from 1

_LANDLOCK = "Landlock for files"
_SINCE_ABI = ((4, "TCP"), (6, "abstract sockets and signals"))  # Linux 6.7 and 6.12
_ON: dict[Level, tuple[str, ...]] = {
    "ns": (
        "namespaces: user, pid, mount, net, ipc, uts",
        "own root file system: the standard library and packages by name, read-only; size-limited /tmp and /dev/shm, "
        "emptied after each program",
        "seccomp filter",
        _LANDLOCK,
        "limits on CPU time, memory, file size, descriptors and processes",
    ),
    "landlock": (
        "seccomp filter, including signals to other processes and changes to file modes and times",
        _LANDLOCK,
        "limits on CPU time, memory, file size, descriptors and processes",
    ),
    "rlimit": ("limits on CPU time, memory, file size, descriptors and processes",),
}
_LOST: dict[Level, tuple[str, ...]] = {
    "ns": (),
    "landlock": (
        "names, sizes, times, attributes and link targets of files outside are visible",
        "the names of all installed packages can be listed, and those of their files",
        "the scratch directory is a real directory: the number and total size of files are not limited",
        "no /dev/shm",
        "process ids can be probed, and the CPU time, priority, group and session of processes read",
        "free space of file systems is visible",
    ),
    "rlimit": (
        "files, network and other processes of this user are NOT protected, nor are recorded verdicts",
        "any program can read the user's environment and files",
        "memory and CPU time are limited per process, not per program",
    ),
}
_LOST_BEFORE_ABI_6 = "programs that may start processes (--allow-fork) can send signals to all processes of this user"


@dataclass(frozen=True)
class Isolation:
    """The level in use, its active layers, what is lost compared with `ns`, and why a better level was not possible."""

    level: Level
    on: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def probe_isolation(
    requested: Requested = "auto",
    consent: bool = False,
    *,
    python: str | None = None,
    layers_off: frozenset[str] = frozenset(),
) -> Isolation:
    """The best level that is possible here, or the one requested, verified by starting a zygote with it.

    `auto` never goes below `landlock`; `none` (resource limits only) also needs `consent`. Raises SandboxUnavailable
    naming the step that failed, and SandboxError if `python` does not run.
    """
    interpreter = launch.find_interpreter(python)
    if requested == "none":
        if not consent:
            raise SandboxUnavailable(
                "running without isolation needs consent: programs could read and delete your files"
            )
        return _isolation("rlimit")
    levels: tuple[Level, ...] = ("ns", "landlock") if requested == "auto" else (requested,)
    refusals: list[str] = []
    for level in levels:
        refusal = try_level(setting_of(level, interpreter, layers_off))
        if refusal is None:
            return _isolation(level, refusals)
        refusals.append(f"{level}: {refusal}")
    raise SandboxUnavailable("; ".join(refusals))


def begin_probing(requested: Requested = "auto", *, python: str | None = None) -> None:
    """Start what `probe_isolation` waits for: called early, isolation is set up while other work is done.

    `probe_isolation` reports whatever prevents it.
    """
    if requested == "none" or sys.platform != "linux":
        return
    with contextlib.suppress(SandboxError):
        setting = setting_of("ns" if requested == "auto" else requested, launch.find_interpreter(python))
        if _own_proof(setting) is None:
            _Proof.begin(setting)


def setting_of(level: Level, interpreter: Interpreter, layers_off: frozenset[str] = frozenset()) -> Setting:
    """The configuration for a level; with namespaces, Landlock is a second layer that older kernels lack."""
    if level == "ns" and landlock.abi_version() == 0:
        layers_off |= {"landlock"}
    return Setting(level, interpreter, layers_off)


def _isolation(level: Level, refusals: Sequence[str] = ()) -> Isolation:
    on, lost, abi = _ON[level], _LOST[level], landlock.abi_version()
    if level == "ns" and abi == 0:
        on, lost = tuple(layer for layer in on if layer != _LANDLOCK), (f"no {_LANDLOCK}: this kernel lacks it",)
    covered = ", ".join([_LANDLOCK, *(what for since, what in _SINCE_ABI if abi >= since)])
    on = tuple(covered if layer == _LANDLOCK else layer for layer in on)
    if level == "landlock" and abi < 6:
        lost = (*lost, _LOST_BEFORE_ABI_6)
    return Isolation(level, on, lost, tuple(refusals))


@cache
def try_level(setting: Setting) -> str | None:
    """Set up a level once; the reason if that fails. The pair is kept for `take_proven`."""
    if sys.platform != "linux":
        return "only Linux has what it takes"
    for left in reversed(range(_TRIES)):
        proof = _own_proof(setting) or _Proof.begin(setting)
        try:
            proof.wait()
        except (SandboxError, PairError) as error:
            _proofs.pop(setting, None)
            proof.close()
            # A zygote that can't set up its isolation says so; one that just dies may have been killed.
            if isinstance(error, SandboxError) or not left:
                return str(error)
        else:
            break
    return None


@dataclass(frozen=True)
class _Proof:
    """A pair of zygotes that proves a level, until a sandbox takes it over or the process ends."""

    pair: Pair
    selector: selectors.BaseSelector
    process: int

    @classmethod
    def begin(cls, setting: Setting) -> "_Proof":
        selector = selectors.DefaultSelector()
        proof = _proofs[setting] = cls(Pair.start(setting, PairKind(), selector, PROOF_INDEX), selector, os.getpid())
        return proof

    def wait(self) -> None:
        """Wait until isolation is set up. Raises SandboxError where it can't be, PairError if a zygote dies."""
        while not self.pair.is_ready:
            for key, events in self.selector.select(1.0):
                self.pair.handle(key.data[1], events)
            self.pair.check_start()

    def close(self) -> None:
        """End it, unless it belongs to the process that this one was forked from."""
        if self.process == os.getpid():
            self.pair.close()
            self.selector.close()


_proofs: dict[Setting, _Proof] = {}


def _own_proof(setting: Setting) -> _Proof | None:
    """A process that was forked leaves what was begun before to its parent."""
    proof = _proofs.get(setting)
    return proof if proof is not None and proof.process == os.getpid() else None


def take_proven(setting: Setting, kind: PairKind, selector: selectors.BaseSelector, cpu: int | None) -> Pair | None:
    """The pair that has proven a level, if it is of this kind: it is the caller's from now on, who has to close it.

    No program has run in it. None where there is none, or it was taken.
    """
    proof = _own_proof(setting)
    if proof is None or proof.pair.kind != kind:
        return None
    del _proofs[setting]
    proof.pair.move_to(selector, cpu)
    proof.selector.close()
    return proof.pair


def release_proven() -> None:
    """End the pairs that nobody has taken."""
    while _proofs:
        _proofs.popitem()[1].close()


atexit.register(release_proven)
