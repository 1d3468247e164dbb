"""What one program may use: the limits of the benchmark, or those that the user gives, which count exactly as given.

Both are data of the benchmark's entry. The CPU limit grows to at least four times what the reference of a problem needs
on this machine (evalplus 0.3.1, `config.py`: DEFAULT_GT_TIME_LIMIT_FACTOR = 4.0), and never shrinks. The memory limit
is never more than the machine has, and does not depend on the number of workers, so no verdict does.
"""

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.parallel.machine import memory_mb
from coma_cli.records import Problem
from coma_cli.sandbox import Limits

REFERENCE_FACTOR = 4.0  # of the reference's own CPU time
# References run with this many times the benchmark's limit: what they need is what is to be measured.
ROOM_TO_MEASURE = 10.0
_MOST_CPU_S = 86_400.0
_LEAST_MEMORY_MB = 32
_UNKNOWN_MEMORY_MB = 1024  # for a benchmark that the catalogue does not have


def memory_limit_mb(settings: ScoreSettings, bench: str) -> int:
    """The memory limit of a program (MiB)."""
    if settings.memory_mb is not None:
        return settings.memory_mb
    return max(_LEAST_MEMORY_MB, min(_benchmark_memory_mb(bench), memory_mb()))


def memory_notes(settings: ScoreSettings, bench: str, workers: int) -> list[str]:
    """What a user should know about memory on this machine."""
    limit, has, asked = memory_limit_mb(settings, bench), memory_mb(), _benchmark_memory_mb(bench)
    if settings.memory_mb is None and limit < asked:
        return [f"Warning: {bench} allows a program {asked} MB; this machine has {limit}, so that is the limit"]
    if limit * workers > has:
        return [
            f"{workers} programs at a time may use {limit} MB each, and this machine has {has} MB: "
            "lower --workers if it runs short"
        ]
    return []


def _benchmark_memory_mb(bench: str) -> int:
    return BENCHMARKS[bench].memory_mb if bench in BENCHMARKS else _UNKNOWN_MEMORY_MB


def limits_of(settings: ScoreSettings, problem: Problem) -> Limits:
    """What one program of a problem may use."""
    return _limits(settings, problem, settings.timeout_s or problem.cpu_limit_s)


def reference_limits(settings: ScoreSettings, problem: Problem) -> Limits:
    """What the reference of a problem may use: more CPU time than programs, unless the user has set their limit."""
    return _limits(settings, problem, settings.timeout_s or min(_MOST_CPU_S, ROOM_TO_MEASURE * problem.cpu_limit_s))


def _limits(settings: ScoreSettings, problem: Problem, cpu_s: float) -> Limits:
    memory = memory_limit_mb(settings, problem.bench)
    if problem.memory_mb is not None and settings.memory_mb is None:
        memory = min(problem.memory_mb, max(_LEAST_MEMORY_MB, memory_mb()))
    return Limits(cpu_s=cpu_s, memory_mb=memory, allow_fork=settings.allow_fork)


def cpu_limit_for(settings: ScoreSettings, problem: Problem, reference_s: float) -> float:
    """The CPU limit (s) of the programs of a problem whose reference took `reference_s` seconds of CPU time.

    It is the benchmark's limit, doubled until it suffices, so that two measurements nearly always give the same one.
    """
    if settings.timeout_s:
        return settings.timeout_s
    limit = problem.cpu_limit_s
    while limit < min(_MOST_CPU_S, REFERENCE_FACTOR * reference_s):
        limit *= 2
    return min(limit, _MOST_CPU_S)
