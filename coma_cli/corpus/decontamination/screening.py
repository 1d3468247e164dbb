"""Finds out which functions are worth running against which problems' whole tests, many at a time.

Functions share a process of the sandbox (see `screening_program`), so one costs about a millisecond, and what each may
do is limited in steps, so that the result depends on neither time nor company. A function that ends its process,
by a limit or otherwise, runs again by itself, problem by problem.
"""

import ast
import base64
import marshal
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from types import CodeType

from coma_cli.corpus.decontamination import screening_program
from coma_cli.corpus.decontamination.candidate_functions import CandidateFunction
from coma_cli.corpus.decontamination.screening_program import PackedProblem
from coma_cli.corpus.decontamination.solvable_problems import SolvableProblem
from coma_cli.corpus.decontamination.step_counting import counting_steps
from coma_cli.corpus.extraction.plain_comparisons import plain_tree
from coma_cli.records import Problem
from coma_cli.sandbox import Isolation, Limits
from coma_cli.sandbox.calls import CallError, ProgramCaller
from coma_cli.sandbox.inside.zygotes import plain_comparison

_TOGETHER = 128
_MOST_KILLS = 2  # after which nothing more is tried with a function that ends its process
LIMITS = Limits(cpu_s=2.0, memory_mb=128)
_ANSWER = "answer"


@dataclass(frozen=True)
class Screening:
    """Tries functions against the tests of `problems`, `workers` processes at a time."""

    problems: Sequence[SolvableProblem]
    isolation: Isolation
    workers: int

    def run(
        self, candidates: Sequence[CandidateFunction], on_tried: Callable[[int], None] = lambda count: None
    ) -> Iterator[tuple[CandidateFunction, tuple[int, ...]]]:
        """Each candidate with the numbers of the problems that it seems to solve, in order of completion.

        Raises:
            SandboxError: the sandbox failed.
        """
        batches = self._batches(candidates)
        if not self._program:  # made here, before several threads ask for it
            return
        with ExitStack() as stack:
            idle: SimpleQueue[ProgramCaller] = SimpleQueue()
            callers: list[ProgramCaller] = []
            for place in range(min(self.workers, len(batches))):
                # Started by the main thread, so that they die with this process.
                callers.append(stack.enter_context(ProgramCaller(self.isolation, LIMITS, place=place)))
                idle.put(callers[-1])
            threads = stack.enter_context(ThreadPoolExecutor(self.workers))

            def screen(batch: Sequence[CandidateFunction]) -> list[tuple[CandidateFunction, tuple[int, ...]]]:
                caller = idle.get()
                try:
                    return list(self._screen(caller, batch))
                finally:
                    idle.put(caller)

            try:
                for future in as_completed([threads.submit(screen, batch) for batch in batches]):
                    found = future.result()
                    yield from found
                    on_tried(len(found))
            except BaseException:  # an interrupt too waits for no function
                threads.shutdown(wait=False, cancel_futures=True)
                for caller in callers:
                    caller.stop()
                raise

    @staticmethod
    def _batches(candidates: Sequence[CandidateFunction]) -> list[list[CandidateFunction]]:
        together = [candidate for candidate in candidates if candidate.shared]
        return [
            *(together[start : start + _TOGETHER] for start in range(0, len(together), _TOGETHER)),
            *([candidate] for candidate in candidates if not candidate.shared),
        ]

    def _screen(
        self, caller: ProgramCaller, batch: Sequence[CandidateFunction]
    ) -> Iterator[tuple[CandidateFunction, tuple[int, ...]]]:
        left = list(batch)
        while left:
            try:
                questions = [("all", counting_steps(entry.program), entry.function, *entry.arity) for entry in left]
                for numbers in caller.each(self._program, _ANSWER, questions):
                    yield left.pop(0), self._checked(numbers)
            except CallError:
                if left:
                    suspect = left.pop(0)
                    yield suspect, tuple(self._one_by_one(caller, suspect))

    def _one_by_one(self, caller: ProgramCaller, candidate: CandidateFunction) -> Iterator[int]:
        """The problems that a function seems to solve which has ended its process."""
        left = [n for n, problem in enumerate(self.problems) if candidate.arity.fits(problem.counts)]
        for _ in range(_MOST_KILLS):
            begin = ("begin", counting_steps(candidate.program), candidate.function)
            try:
                answers = caller.each(self._program, _ANSWER, [begin, *(("next", number) for number in left)])
                next(answers)
                for passes in answers:
                    number = left.pop(0)
                    if passes is True:
                        yield number
            except CallError:
                del left[:1]  # the problem at which it has ended
            if not left:
                return

    def _checked(self, numbers: object) -> tuple[int, ...]:
        """What a process says, which may be anything, as numbers of problems."""
        if not isinstance(numbers, list):
            return ()
        known = {n for n in numbers if isinstance(n, int) and 0 <= n < len(self.problems)}
        return tuple(sorted(known))

    @cached_property
    def _program(self) -> str:
        """The text that runs in the sandbox."""
        texts = [Path(str(module.__file__)).read_text("utf-8") for module in (plain_comparison, screening_program)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that benchmarks write
            problems = list(map(_packed, self.problems))
        packed = base64.b64encode(zlib.compress(marshal.dumps(problems))).decode("ascii")
        return "\n".join((*texts, f"begin({packed!r}, compare)\n"))


def _packed(entry: SolvableProblem) -> PackedProblem:
    """A problem as the program takes it."""
    tests = marshal.dumps(_compiled(plain_tree(entry.problem.tests)))
    first = b"" if entry.first is None else marshal.dumps(entry.first)
    return _setup(entry.problem), tests, entry.names, entry.counts, entry.kind, first


def _setup(problem: Problem) -> bytes:
    """What tests find: the helpers of a prompt and the setup; b"" if there are none."""
    text = f"{problem.prompt_code}\n\n{problem.setup}"
    return marshal.dumps(_compiled(text)) if text.strip() else b""


def _compiled(tests: str | ast.Module) -> CodeType:
    return compile(tests, "<tests>", "exec", dont_inherit=True)
