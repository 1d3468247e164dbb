"""What references answer to the inputs of their problems, found by running them in the sandbox, and kept.

The answers of one reference to one set of inputs do not change on one machine, so they are kept in coma's cache folder
under a hash of all that decides them. They are kept as Python source, which the tests hold candidates against.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeAlias

from coma_cli.cache import EntryCache
from coma_cli.catalog.benchmarks.evalplus_check import accepts_what_equals
from coma_cli.records import InputSets, Problem
from coma_cli.sandbox import Isolation, Limits
from coma_cli.sandbox.calls import CallError, ProgramCaller
from coma_cli.syntax.literals import literal

FOLDER = "expected-answers"
_VERSION = 2  # of the form in which answers are kept
_LONGEST_KEPT = 200_000  # characters; Python takes some hundred times the size of a literal to read it
_WORTH_RECALLING_S = 0.5  # CPU seconds; reading inputs and answers takes some tenths
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
# The reference gives the answers that it has just given again; to any other call it answers itself.
_RECALL = """

def _coma_recall(compute, inputs, answers):
    known = {{repr(given): answer for given, answer in zip(inputs, answers)}}

    def recall(*arguments, **named):
        key = "" if named else repr(list(arguments))
        return known[key] if key in known else compute(*arguments, **named)

    return recall


{name} = _coma_recall({name}, {inputs}, {answers})
"""
_Kind: TypeAlias = tuple[Limits, bool]  # and whether installed packages are there


class Answers(NamedTuple):
    """The source of a list of answers for each set of inputs; "" for those that have to be found beside the tests."""

    base: str
    plus: str


class FoundAnswers(NamedTuple):
    """The answers of one reference, and the CPU seconds that it took for each set; None if they were kept."""

    answers: Answers
    cpu_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class AnswerFinder:
    """Where and how references are run for their answers, `workers` at a time.

    `machine` is the identity of the sandbox that answers are kept under. With `again` all references are run, whatever
    is kept.
    """

    isolation: Isolation
    machine: str
    limits_of: Callable[[Problem], Limits]
    python: str | None = None
    workers: int = 1
    again: bool = False
    kept: EntryCache = field(default_factory=lambda: EntryCache.below_cache_folder(FOLDER))

    def find(self, problems: Sequence[Problem], on_run: Callable[[bool], None]) -> dict[str, FoundAnswers]:
        """The answers to the inputs of all problems that have any, by task id.

        `on_run` hears of each problem that is settled, and whether its reference had to be run.

        Raises:
            SandboxError: the sandbox failed.
        """
        found: dict[str, FoundAnswers] = {}
        to_run: list[Problem] = []
        for problem in problems:
            if problem.input_sets is None:
                continue
            kept = None if self.again else _read(self.kept.read(self._name(problem, problem.input_sets)))
            if kept is None:
                to_run.append(problem)
            else:
                found[problem.task_id] = FoundAnswers(kept)
                on_run(False)
        for problem, answers in self._run(to_run):
            found[problem.task_id] = answers
            self._keep(problem, answers.answers)
            on_run(True)
        return found

    def _run(self, problems: Sequence[Problem]) -> Iterator[tuple[Problem, FoundAnswers]]:
        """The problems with what their references answer, as they come."""
        if not problems:
            return
        kinds = Counter(map(self._kind, problems))
        with ExitStack() as stack:
            callers: list[ProgramCaller] = []
            idle: dict[_Kind, SimpleQueue[ProgramCaller]] = {kind: SimpleQueue() for kind in kinds}
            for kind, count in kinds.items():
                for _ in range(min(self.workers, count)):
                    # Started by the main thread, so that they die with this process.
                    callers.append(stack.enter_context(self._caller(kind, len(callers))))
                    idle[kind].put(callers[-1])
            threads = stack.enter_context(ThreadPoolExecutor(self.workers))

            def answer(problem: Problem) -> tuple[Problem, FoundAnswers]:
                caller = idle[self._kind(problem)].get()
                try:
                    return problem, _answers(caller, problem)
                finally:
                    idle[self._kind(problem)].put(caller)

            try:
                for future in as_completed([threads.submit(answer, problem) for problem in problems]):
                    yield future.result()
            except BaseException:  # an interrupt too waits for no reference
                threads.shutdown(wait=False, cancel_futures=True)
                for caller in callers:
                    caller.stop()
                raise

    def _kind(self, problem: Problem) -> _Kind:
        return self.limits_of(problem), "numpy" in problem.reference

    def _caller(self, kind: _Kind, place: int) -> ProgramCaller:
        limits, numpy = kind
        return ProgramCaller(self.isolation, limits, python=self.python, numpy=numpy, place=place)

    def _name(self, problem: Problem, sets: InputSets) -> str:
        limits = self.limits_of(problem)
        parts = (
            str(_VERSION),
            self.machine,
            f"{limits.cpu_s:g} s, {limits.memory_mb} MB",
            problem.reference,
            problem.entry_point,
            sets.base,
            sets.plus,
            str(sets.only_whether),
        )
        return f"{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}.py"

    def _keep(self, problem: Problem, answers: Answers) -> None:
        sets = problem.input_sets
        assert sets is not None
        text = "".join(f"{line}\n" for line in answers)
        self.kept.write(self._name(problem, sets), text.encode("ascii", "backslashreplace"))


def _answers(caller: ProgramCaller, problem: Problem) -> FoundAnswers:
    sets = problem.input_sets
    assert sets is not None
    base, base_s = _answers_to(caller, problem, sets.base, sets.base_count, sets.only_whether)
    plus, plus_s = _answers_to(caller, problem, sets.plus, sets.plus_count, sets.only_whether)
    return FoundAnswers(Answers(base, plus), (base_s, plus_s))


def _answers_to(
    caller: ProgramCaller, problem: Problem, inputs: str, count: int, only_whether: bool
) -> tuple[str, float]:
    ask = _ASK.format(name=problem.entry_point, result=_result(only_whether))
    source = f"{problem.reference}\n\n{_INPUTS.format(inputs=inputs)}{ask}"
    try:
        answers: list[Any] = caller.values(source, _ANSWER, [(place,) for place in range(count)])
        written = literal(answers)
    except (CallError, ValueError):  # a reference that really fails is found out when it is checked
        written = ""
    return written if len(written) <= _LONGEST_KEPT else "", caller.cpu_s


def _result(only_whether: bool) -> str:
    return "output is not None" if only_whether else "output"


def _read(content: bytes | None) -> Answers | None:
    """The answers of an entry of the cache; None where there is none."""
    if content is None:
        return None
    base, plus, _ = content.decode("ascii").split("\n")
    return Answers(base, plus)


def stages_of(problem: Problem, answers: Mapping[str, FoundAnswers]) -> tuple[Problem, ...]:
    """The problem with complete tests, once for each set of its inputs: the base set first, then the larger one."""
    sets = problem.input_sets
    if sets is None:
        return (problem,)
    own = answers[problem.task_id].answers
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


def check_parts(problem: Problem, stages: Sequence[Problem], found: FoundAnswers | None) -> tuple[Problem, ...]:
    """The problem with each set of tests that its reference still has to pass, given what it has `found` just now.

    A reference agrees with answers that it has just given, so the stages are skipped where their tests accept what is
    equal and it is held against published tests. Where its run took long, these get the same answers from it again.
    """
    tests = published(problem)
    if found is None or found.cpu_s is None:
        return (*stages, *tests)
    if tests and _agrees_with_itself(problem, found.answers):
        stages = ()
    reference = _with_recall(problem, found)
    return tuple(part.model_copy(update={"reference": reference}) for part in (*stages, *tests))


def _agrees_with_itself(problem: Problem, answers: Answers) -> bool:
    """Whether the answers came through as plain values, and equal themselves: not a number does not."""
    whole = bool(answers.base and answers.plus) and "nan" not in answers.base + answers.plus
    sets = problem.input_sets
    return whole and sets is not None and not sets.only_whether and accepts_what_equals(problem.tests)


def _with_recall(problem: Problem, found: FoundAnswers) -> str:
    """The source of a reference that does not compute again what it has just answered, if that took long."""
    sets, answers = problem.input_sets, found.answers
    quick = sum(found.cpu_s or ()) < _WORTH_RECALLING_S
    if quick or sets is None or sets.only_whether or not (answers.base and answers.plus):
        return problem.reference
    inputs, given = f"[*{sets.base}, *{sets.plus}]", f"[*{answers.base}, *{answers.plus}]"
    return f"{problem.reference}{_RECALL.format(name=problem.entry_point, inputs=inputs, answers=given)}"
