"""Proves programs of other languages than Python where their toolchain is installed: `ran` is the most they reach.

A program without a main part, in a language that needs one, can't be run and stays `parsed`, as does any where the
toolchain is missing. C# is not run.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from coma_cli.instructions.proving.levels import Proof
from coma_cli.instructions.proving.settings import ProofSettings
from coma_cli.sandbox.command import CommandLimits, CommandOutcome, run_command
from coma_cli.sandbox.contract import Level
from coma_cli.sandbox.toolchains import LANGUAGES_RUN, Toolchain, find_toolchain, has_main_part, is_readable

_T = TypeVar("_T")
_R = TypeVar("_R")
_WALL_S = 20.0  # of a step
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_TELLING = re.compile(r"error|exception|panic|fatal|undefined", re.IGNORECASE)
_ERROR_LINES = 4


@dataclass(frozen=True)
class ForeignJob:
    """A program to prove, in its language."""

    key: str
    language: str
    program: str


def toolchains_at(level: Level) -> dict[str, Toolchain]:
    """The toolchains that can be used at a level of isolation, by language."""
    found = {language: find_toolchain(language) for language in LANGUAGES_RUN}
    return {name: chain for name, chain in found.items() if chain is not None and is_readable(chain, level)}


def prove_foreign(
    jobs: Iterable[ForeignJob], settings: ProofSettings, level: Level, workers: int
) -> Iterator[tuple[str, Proof]]:
    """The proof of each program, by its key, in order.

    Raises:
        SandboxError: the isolation can't be set up.
    """
    chains = toolchains_at(level)

    def prove(job: ForeignJob) -> tuple[str, Proof]:
        return job.key, _proof(job, chains.get(job.language), settings, level)

    yield from _in_threads(prove, jobs, workers)


def _in_threads(work: Callable[[_T], _R], items: Iterable[_T], workers: int) -> Iterator[_R]:
    """As `map`, a few items ahead: each is a wait for processes."""
    waiting = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, item) for item in islice(waiting, 2 * workers)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(work, item) for item in islice(waiting, 1)]


def _proof(job: ForeignJob, chain: Toolchain | None, settings: ProofSettings, level: Level) -> Proof:
    if chain is None:
        return Proof("parsed", f"no toolchain for {job.language} on this machine")
    if not has_main_part(job.language, job.program):
        return Proof("parsed", "it has no main part to run")
    program = chain.prepare(job.program)
    outcome = run_command(
        chain.steps(program, settings.compile_s, settings.cpu_s, settings.memory_mb),
        {chain.file_name(program): program},
        chain.reads,
        level=level,
        environment=chain.environment,
        limits=CommandLimits(memory_mb=settings.memory_mb, wall_s=max(_WALL_S, 3 * settings.cpu_s)),
    )
    if outcome.verdict == "pass":
        return Proof("ran", runs=1)
    error = _words(outcome)
    return Proof("parsed", error, error, runs=1)


def _words(outcome: CommandOutcome) -> str:
    """Why a program failed, in words that are the same each time: what its compiler or itself has printed."""
    if outcome.verdict == "timeout":
        return "it runs for too long"
    if outcome.verdict == "memory":
        return "it uses too much memory"
    if outcome.verdict == "output":
        return "it prints without end"
    lines = [line.strip() for line in outcome.output.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    status = outcome.status or 0
    end = f"it was ended by signal {-status}" if status < 0 else f"exit status {status}"
    return _ADDRESS.sub("0x", "; ".join([*telling[:_ERROR_LINES], end]))[:400]
