"""Proof of `gen-instructions` beside the pool of `score`: programs executed per second, and runs per row of each level.

    python -m tests.benchmarks.proof [--rounds 3] [--copies 5] [--foreign]

The work is the reference solutions of HumanEval, each `--copies` times. `score` judges them by the tests of HumanEval;
proof runs the same programs with a counter and generated arguments (`called`), then with asserts and injected bugs
(`tested`), then beside a second program (`cross-checked`). All run in one open sandbox, in turn; the figures are
medians over the rounds. `--foreign` adds a small program of each installed toolchain of another language.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from coma_cli import console
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.extraction.programs import program_of
from coma_cli.instructions.proving.foreign_proof import ForeignJob, prove_foreign, toolchains_at
from coma_cli.instructions.proving.python_proof import PythonJob, prove_python
from coma_cli.instructions.proving.settings import ProofSettings
from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Sandbox, default_workers
from tests.sandbox.foreign_programs import WELL


class Passed(NamedTuple):
    """One pass over the work: rows, programs executed, seconds, and CPU seconds of this process."""

    rows: int
    runs: int
    wall_s: float
    own_cpu_s: float


def timed(work: Callable[[], tuple[int, int]]) -> Passed:
    """Rows and runs of a pass, with its times."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows, runs = work()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    return Passed(rows, runs, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def judged(problems: Sequence[Problem], sandbox: Sandbox) -> tuple[int, int]:
    """As `score` does."""
    programs = (program_of(problem, source(problem), f"{n}") for n, problem in enumerate(problems))
    passes = sum(outcome.verdict == "pass" for outcome in sandbox.run(programs))
    if passes != len(problems):
        raise SystemExit(f"{len(problems) - passes} references do not pass")
    return len(problems), len(problems)


def proven(problems: Sequence[Problem], sandbox: Sandbox, level: str) -> tuple[int, int]:
    """As `gen-instructions` does."""
    jobs = [job(n, problem, level) for n, problem in enumerate(problems)]
    proofs = [proof for _, proof in prove_python(jobs, sandbox)]
    return len(proofs), sum(proof.runs for proof in proofs)


def foreign(jobs: Sequence[ForeignJob]) -> tuple[int, int]:
    """Compiled and run, each in a process and namespaces of its own."""
    return len(jobs), sum(proof.runs for _, proof in prove_foreign(jobs, ProofSettings(), "ns", default_workers()))


def source(problem: Problem) -> str:
    """The reference as a whole program."""
    return problem.reference or ""


def job(number: int, problem: Problem, level: str) -> PythonJob:
    """A reference to prove up to a level; the tests of HumanEval are its asserts, itself the other program."""
    asserts = f"{problem.setup}{problem.tests}" if level == "tested" else ""
    others = (source(problem),) if level == "cross-checked" else ()
    return PythonJob(str(number), source(problem), None, asserts, others)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--foreign", action="store_true")
    asked = parser.parse_args(arguments)
    problems = BENCHMARKS["humaneval"].load().problems * asked.copies
    found: dict[str, list[Passed]] = {}
    with Sandbox(limits=Limits(cpu_s=3.0)) as sandbox:
        judged(problems[:164], sandbox)  # zygotes start, and packages are imported
        for _ in range(asked.rounds):
            found.setdefault("score", []).append(timed(lambda: judged(problems, sandbox)))
            for level in ("called", "tested", "cross-checked"):
                found.setdefault(f"proof: {level}", []).append(
                    timed(lambda level=level: proven(problems, sandbox, level))
                )
    if asked.foreign:
        for language in toolchains_at("ns"):
            jobs = [ForeignJob(str(n), language, WELL[language]) for n in range(4)]
            found[language] = [timed(lambda jobs=jobs: foreign(jobs))]
    show(found)


def show(found: dict[str, list[Passed]]) -> None:
    """One line per way."""
    console.stdout().print(f"{default_workers()} workers, medians")
    for name, passes in found.items():
        rate = statistics.median(p.runs / p.wall_s for p in passes)
        rows = statistics.median(p.rows / p.wall_s for p in passes)
        own = statistics.median(1000 * p.own_cpu_s / p.runs for p in passes)
        runs = passes[0].runs / passes[0].rows
        line = (
            f"{name:22} {rate:7.0f} programs/s {rows:7.0f} rows/s {runs:5.2f} runs per row {own:6.2f} ms of coma's CPU"
        )
        console.stdout().print(line, highlight=False)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
