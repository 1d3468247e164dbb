"""Benchmark solutions recognised by what they do: level 3 of decontamination.

Each function of a row (see `candidate_functions`) is tried against the problems whose tests call a function with its
number of arguments (see `screening`). What seems to solve one is run against that problem's whole tests, as a sample is
scored: in a process of its own, under the name that the tests call, with the limits of the benchmark. Only that run
decides, so a function that deceives the first step (a value that equals everything, an early exit) solves nothing.

Functions that differ in names only (see `generic_names`) run once, and what is found is kept in coma's cache under the
text of the function, the problems and the identity of the sandbox.

Measured with HumanEval and MBPP: 650 of their 661 reference solutions with a function are found again (the others need
more steps or memory than the first step gives); of 411 different functions in 2,600 rows of CodeAlpaca, 170 solve a
problem, nearly all of them a short one of a textbook (add, sort, is_prime). A function costs 7 ms of CPU time.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coma_cli.cache import EntryCache
from coma_cli.corpus.decontamination.candidate_functions import CandidateFunction, renamed
from coma_cli.corpus.decontamination.generic_names import names_of_tests, with_generic_names
from coma_cli.corpus.decontamination.screening import LIMITS, Screening
from coma_cli.corpus.decontamination.solvable_problems import SolvableProblem
from coma_cli.corpus.extraction.programs import program_of
from coma_cli.sandbox import Isolation, Limits, Program, Sandbox
from coma_cli.sandbox.identity import identity, sources_sha256

FOLDER = "solved-problems"
_MEMORY_MB = 1024
_KEEP_AFTER = 5_000  # functions, so that a killed run continues from there
Solved = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class BehaviouralCheck:
    """Finds out which functions solve which of the `problems`, `workers` programs at a time."""

    problems: Sequence[SolvableProblem]
    isolation: Isolation
    workers: int
    entries: EntryCache = field(default_factory=lambda: EntryCache.below_cache_folder(FOLDER))

    def solved_by(
        self, candidates: Mapping[str, CandidateFunction], on_tried: Callable[[int], None] = lambda count: None
    ) -> Solved:
        """The numbers of the problems that each candidate solves, by the candidates' keys.

        `on_tried` hears how many functions are done.

        Raises:
            SandboxError: the sandbox failed.
        """
        name = self._entry_name()
        known = _read(self.entries.read(name))
        kept = names_of_tests(self.problems)
        generic = {key: with_generic_names(candidate, kept) for key, candidate in candidates.items()}
        keys = {key: candidate.key for key, candidate in generic.items()}
        distinct = {candidate.key: candidate for candidate in generic.values()}
        missing = sorted(key for key in distinct if key not in known)
        on_tried(len(candidates) - len(missing))
        for start in range(0, len(missing), _KEEP_AFTER):
            stretch = missing[start : start + _KEEP_AFTER]
            known |= self._run([distinct[key] for key in stretch], on_tried)
            self.entries.write(name, json.dumps(known, sort_keys=True).encode())
        return {key: known[keys[key]] for key in candidates}

    def _run(self, candidates: Sequence[CandidateFunction], on_tried: Callable[[int], None]) -> Solved:
        screening = Screening(self.problems, self.isolation, self.workers)
        found = {candidate.key: (candidate, numbers) for candidate, numbers in screening.run(candidates, on_tried)}
        passed: dict[str, list[int]] = {key: [] for key in found}
        if any(numbers for _, numbers in found.values()):
            with Sandbox(limits=LIMITS, workers=self.workers) as sandbox:
                for outcome in sandbox.run(self._programs(found.values())):
                    if outcome.verdict == "pass":
                        number, _, key = outcome.key.partition("|")
                        passed[key].append(int(number))
        return {key: tuple(sorted(numbers)) for key, numbers in passed.items()}

    def _programs(self, found: Iterable[tuple[CandidateFunction, tuple[int, ...]]]) -> Iterator[Program]:
        for candidate, numbers in found:
            for number in numbers:
                problem = self.problems[number].problem
                source = renamed(candidate, problem.entry_point)
                limits = Limits(cpu_s=problem.cpu_limit_s, memory_mb=_MEMORY_MB)
                yield program_of(problem, source, f"{number}|{candidate.key}", "split", limits)

    def _entry_name(self) -> str:
        """What results depend on, beside the function: the problems, the sandbox with its machine, and this code."""
        parts = [sources_sha256(Path(__file__).parent), identity(self.isolation), *(p.key for p in self.problems)]
        return f"{hashlib.sha256('|'.join(parts).encode()).hexdigest()}.json"


def _read(content: bytes | None) -> Solved:
    try:
        return {str(key): tuple(map(int, numbers)) for key, numbers in json.loads(content or b"{}").items()}
    except (ValueError, AttributeError, TypeError):
        return {}
