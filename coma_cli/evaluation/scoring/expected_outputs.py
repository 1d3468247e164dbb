"""What references answer to the inputs of their problems, found by running them in the sandbox, and kept.

The answers of one reference to one set of inputs never change, so they are kept in coma's cache folder under a hash
of all that decides them. They are kept as Python source, which the tests hold candidates against.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.jsonl import write_atomically
from coma_cli.models.embedded import cache_folder
from coma_cli.records import InputSets, Problem
from coma_cli.sandbox import Isolation, Limits
from coma_cli.sandbox.calls import CallError, ProgramCaller
from coma_cli.syntax.literals import literal

_VERSION = 1  # of the form in which answers are kept
_LONGEST_KEPT = 200_000  # characters; Python takes some hundred times the size of a literal to read it
_INPUTS = "def _coma_inputs():\n    return {inputs}\n\n\n"
_EXPECTED = "def _coma_expected():\n    return {expected}\n\n\n"
_ASK = "\n\ndef _coma_answer(place):\n    output = {name}(*_coma_inputs()[place])\n    return {result}\n"
_ANSWER = "_coma_answer"
# For answers that are too long, or no plain values: the reference runs beside the tests.
_RUN_BESIDE = """def _coma_expected():
    names = {{"__name__": "reference"}}
    exec({reference}, names)
    return [{result} for output in (names[{name}](*given) for given in _coma_inputs())]


"""


class Answers(NamedTuple):
    """The source of a list of answers for each set of inputs; "" for those that have to be found beside the tests."""

    base: str
    plus: str


@dataclass(frozen=True)
class AnswerFinder:
    """Where and how references are run for their answers."""

    isolation: Isolation
    memory_mb: int = 1024
    python: str | None = None
    folder: Path | None = None

    def find(self, problems: Sequence[Problem], on_run: Callable[[bool], None]) -> dict[str, Answers]:
        """The answers to the inputs of all problems that have any, by task id.

        `on_run` hears of each problem that is settled, and whether its reference had to be run.
        """
        folder = self.folder or cache_folder() / "expected-answers"
        callers: dict[bool, ProgramCaller] = {}
        found: dict[str, Answers] = {}
        try:
            for problem in problems:
                sets = problem.input_sets
                if sets is None:
                    continue
                kept = _kept(folder / f"{self._name(problem, sets)}.py")
                found[problem.task_id] = kept or self._run(callers, problem, sets, folder)
                on_run(kept is None)
        finally:
            for caller in callers.values():
                caller.close()
        return found

    def _name(self, problem: Problem, sets: InputSets) -> str:
        version = self.python or ".".join(map(str, sys.version_info[:2]))
        parts = (
            str(_VERSION),
            version,
            problem.reference,
            problem.entry_point,
            sets.base,
            sets.plus,
            str(sets.only_whether),
        )
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def _run(self, callers: dict[bool, ProgramCaller], problem: Problem, sets: InputSets, folder: Path) -> Answers:
        numpy = "numpy" in problem.reference
        if numpy not in callers:
            limits = Limits(cpu_s=problem.cpu_limit_s, memory_mb=self.memory_mb)
            callers[numpy] = ProgramCaller(self.isolation, limits, python=self.python, numpy=numpy)
        base = self._set(callers[numpy], problem, sets.base, sets.base_count, sets.only_whether)
        plus = self._set(callers[numpy], problem, sets.plus, sets.plus_count, sets.only_whether)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._name(problem, sets)}.py"
        write_atomically(path, [f"{base}\n{plus}\n".encode("ascii", "backslashreplace")])
        return Answers(base, plus)

    @staticmethod
    def _set(caller: ProgramCaller, problem: Problem, inputs: str, count: int, only_whether: bool) -> str:
        ask = _ASK.format(name=problem.entry_point, result=_result(only_whether))
        source = f"{problem.reference}\n\n{_INPUTS.format(inputs=inputs)}{ask}"
        try:
            answers: list[Any] = caller.values(source, _ANSWER, [(place,) for place in range(count)])
            written = literal(answers)
        except (CallError, ValueError):  # a reference that really fails is found out when it is checked
            return ""
        return written if len(written) <= _LONGEST_KEPT else ""


def _result(only_whether: bool) -> str:
    return "output is not None" if only_whether else "output"


def _kept(path: Path) -> Answers | None:
    """The answers of a file of the cache; None where there is none, or a broken one."""
    try:
        base, plus, rest = path.read_text(encoding="ascii").split("\n")
    except (OSError, ValueError):
        return None
    whole = all(not line or (line[0] == "[" and line[-1] == "]") for line in (base, plus))
    return Answers(base, plus) if whole and not rest else None


def stages_of(problem: Problem, answers: Mapping[str, Answers]) -> tuple[Problem, ...]:
    """The problem with complete tests, once for each set of its inputs: the base set first, then the larger one."""
    sets = problem.input_sets
    if sets is None:
        return (problem,)
    own = answers[problem.task_id]
    base = _with(problem, sets, sets.base, own.base)
    return base.model_copy(update={"cpu_limit_s": sets.base_cpu_limit_s}), _with(problem, sets, sets.plus, own.plus)


def _with(problem: Problem, sets: InputSets, inputs: str, expected: str) -> Problem:
    result = _result(sets.only_whether)
    beside = _RUN_BESIDE.format(reference=ascii(problem.reference), name=ascii(problem.entry_point), result=result)
    answers = _EXPECTED.format(expected=expected) if expected else beside
    return problem.model_copy(update={"setup": f"{problem.setup}{_INPUTS.format(inputs=inputs)}{answers}"})


def published(problem: Problem) -> tuple[Problem, ...]:
    """The problem once for each of the published tests that only its reference is held against."""
    tests = problem.input_sets.published_tests if problem.input_sets else ()
    return tuple(problem.model_copy(update={"tests": text}) for text in tests)
