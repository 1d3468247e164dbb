"""What references answer to the inputs of their problems, found by running them in the sandbox, and kept.

The answers of one reference to one set of inputs do not change on one machine, so they are kept in coma's cache folder
under a hash of all that decides them. They are kept as Python source, which the tests hold candidates against.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from coma_cli.cache import EntryCache
from coma_cli.records import InputSets, Problem
from coma_cli.sandbox import Isolation, Limits
from coma_cli.sandbox.calls import CallError, ProgramCaller
from coma_cli.syntax.literals import literal

FOLDER = "expected-answers"
_VERSION = 2  # of the form in which answers are kept
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
    """Where and how references are run for their answers.

    `machine` is the identity of the sandbox that answers are kept under. With `again` all references are run, whatever
    is kept.
    """

    isolation: Isolation
    machine: str
    memory_mb: int = 1024
    python: str | None = None
    again: bool = False
    kept: EntryCache = field(default_factory=lambda: EntryCache.below_cache_folder(FOLDER))

    def find(self, problems: Sequence[Problem], on_run: Callable[[bool], None]) -> dict[str, Answers]:
        """The answers to the inputs of all problems that have any, by task id.

        `on_run` hears of each problem that is settled, and whether its reference had to be run.
        """
        found: dict[str, Answers] = {}
        with ExitStack() as stack:
            caller = cache(lambda *kind: stack.enter_context(self._caller(*kind)))
            for problem in problems:
                sets = problem.input_sets
                if sets is None:
                    continue
                kept = None if self.again else _read(self.kept.read(self._name(problem, sets)))
                if kept is None:
                    found[problem.task_id] = _answers(
                        caller(problem.cpu_limit_s, "numpy" in problem.reference), problem
                    )
                    self._keep(problem, sets, found[problem.task_id])
                else:
                    found[problem.task_id] = kept
                on_run(kept is None)
        return found

    def _name(self, problem: Problem, sets: InputSets) -> str:
        parts = (
            str(_VERSION),
            self.machine,
            f"{problem.cpu_limit_s:g} s, {self.memory_mb} MB",
            problem.reference,
            problem.entry_point,
            sets.base,
            sets.plus,
            str(sets.only_whether),
        )
        return f"{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}.py"

    def _caller(self, cpu_limit_s: float, numpy: bool) -> ProgramCaller:
        limits = Limits(cpu_s=cpu_limit_s, memory_mb=self.memory_mb)
        return ProgramCaller(self.isolation, limits, python=self.python, numpy=numpy)

    def _keep(self, problem: Problem, sets: InputSets, answers: Answers) -> None:
        text = "".join(f"{line}\n" for line in answers)
        self.kept.write(self._name(problem, sets), text.encode("ascii", "backslashreplace"))


def _answers(caller: ProgramCaller, problem: Problem) -> Answers:
    sets = problem.input_sets
    assert sets is not None
    base = _answers_to(caller, problem, sets.base, sets.base_count, sets.only_whether)
    return Answers(base, _answers_to(caller, problem, sets.plus, sets.plus_count, sets.only_whether))


def _answers_to(caller: ProgramCaller, problem: Problem, inputs: str, count: int, only_whether: bool) -> str:
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


def _read(content: bytes | None) -> Answers | None:
    """The answers of an entry of the cache; None where there is none."""
    if content is None:
        return None
    base, plus, _ = content.decode("ascii").split("\n")
    return Answers(base, plus)


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
