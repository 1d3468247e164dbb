"""Proves Python programs in the sandbox that `score` uses: most in one run, some in a second one.

One run shows whether a program ends without error, whether its function's body was executed, how the asserts that were
written for it end, and what the function returns for generated arguments. A program that never gets so far, because it
is killed or leaves, runs once more as it is, to see whether it ends well. Asserts that pass are tried on mutants.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from coma_cli.instructions.proving.counted import CountedFunction, CountedProgram, counted
from coma_cli.instructions.proving.driver import DrivenProgram, Report, driven, name_for_counter
from coma_cli.instructions.proving.levels import Level, Proof
from coma_cli.sandbox import Outcome, Program, Sandbox
from coma_cli.syntax.mutations import mutate

MUTANTS = 5
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


@dataclass(frozen=True)
class PythonJob:
    """A program to prove.

    `lines` are the first and last line of the function that counts; without them any function but `main` does.
    `asserts` is a text of asserts for it, `others` are other programs for the same instruction.
    """

    key: str
    program: str
    lines: tuple[int, int] | None = None
    asserts: str = ""
    others: tuple[str, ...] = ()


@dataclass
class _Progress:
    """What is known of a job so far."""

    job: PythonJob
    driven: DrivenProgram
    proof: Proof
    report: Report | None = None
    does_not_load: bool = False

    @property
    def targets(self) -> tuple[CountedFunction, ...]:
        return self.driven.counted.targets


def prove_python(jobs: Iterable[PythonJob], sandbox: Sandbox) -> Iterator[tuple[str, Proof]]:
    """The proof of each program, by its key, all within the sandbox's limits.

    A proof that needs one run comes when that run ends, the others afterwards.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    waiting: dict[str, _Progress] = {}
    later: list[_Progress] = []
    for outcome in sandbox.run(_first_runs(jobs, waiting)):
        found = waiting.pop(outcome.key)
        _take_first(found, outcome)
        if _is_settled(found):
            yield found.job.key, found.proof
        else:
            later.append(found)
    _run_as_they_are([found for found in later if found.report is None], sandbox)
    _try_mutants([found for found in later if found.report is not None and found.report.asserts_pass], sandbox)
    _compare([found for found in later if found.proof.reaches("called") and found.job.others], sandbox)
    yield from ((found.job.key, found.proof) for found in later)


def _first_runs(jobs: Iterable[PythonJob], waiting: dict[str, _Progress]) -> Iterator[Program]:
    for job in jobs:
        counter = name_for_counter()
        program = counted(job.program, job.lines, f"{counter}()")
        if program is None:  # it was said to parse
            program = CountedProgram(job.program, (), (), 0)
        first = driven(job.key, program, counter, asserts=job.asserts, all_cases=bool(job.others))
        waiting[job.key] = _Progress(job, first, Proof("parsed"))
        yield first.program


def _take_first(found: _Progress, outcome: Outcome) -> None:
    found.report = found.driven.report(outcome)
    if found.report is None:
        error = found.driven.loading_error(outcome)
        found.does_not_load = error is not None
        error = _ADDRESS.sub("0x", error or _words(outcome))
        found.proof = Proof("parsed", error, error, runs=1)
        return
    level: Level = "called" if found.report.in_all else "ran"
    found.proof = Proof(level, _why_not_higher(found, found.report), _failed_asserts(found.report), runs=1)


def _is_settled(found: _Progress) -> bool:
    report = found.report
    if report is None:
        return found.does_not_load
    return not report.asserts_pass and not (found.job.others and report.in_all)


def _why_not_higher(found: _Progress, report: Report) -> str:
    if not report.in_all:
        return "no call reached the function" if found.driven.counted.counters else "it has no function"
    return _failed_asserts(report)


def _failed_asserts(report: Report) -> str:
    if report.checked == "-" or report.asserts_pass:
        return ""
    if report.checked == "value":
        return "the asserts do not call the function"
    return f"the asserts end with {report.why or 'a timeout'}"


def _words(outcome: Outcome) -> str:
    """Why a program was ended, in words that are the same each time."""
    if outcome.verdict == "timeout":
        return "it runs for too long"
    if outcome.verdict == "memory":
        return "it uses too much memory"
    return _ADDRESS.sub("0x", outcome.detail)


# --- programs whose first run said nothing ---


def _run_as_they_are(progress: Sequence[_Progress], sandbox: Sandbox) -> None:
    by_key = {found.job.key: found for found in progress}
    for outcome in sandbox.run(Program(found.job.key, found.job.program, None) for found in progress):
        found = by_key[outcome.key]
        runs = found.proof.runs + 1
        if outcome.verdict == "pass":
            found.proof = Proof("ran", f"with generated calls {found.proof.detail}", runs=runs)
        else:
            found.proof = Proof("parsed", _words(outcome), _words(outcome), runs=runs)


# --- mutants ---


def _try_mutants(progress: Sequence[_Progress], sandbox: Sandbox) -> None:
    by_key = {found.job.key: found for found in progress}
    runs: dict[str, tuple[_Progress, DrivenProgram]] = {}
    killed: set[str] = set()
    for outcome in sandbox.run(_mutant_runs(progress, runs)):
        found, mutant = runs.pop(outcome.key)
        found.proof = replace(found.proof, runs=found.proof.runs + 1)
        report = mutant.report(outcome)
        if outcome.verdict == "timeout" or (report is not None and report.checked in ("raised", "late")):
            killed.add(found.job.key)
    for key, found in by_key.items():
        survived = "the asserts pass for its mutants too" if found.proof.runs > 1 else "no bug can be injected into it"
        detail = "" if key in killed else survived
        found.proof = replace(found.proof, level="tested" if key in killed else "called", detail=detail)


def _mutant_runs(progress: Sequence[_Progress], runs: dict[str, tuple[_Progress, DrivenProgram]]) -> Iterator[Program]:
    for found in progress:
        for number, text in enumerate(mutants_of(found.job.program, found.targets)):
            key, counter = f"{found.job.key}/mutant-{number}", name_for_counter()
            program = counted(text, found.job.lines, f"{counter}()")
            if program is not None:
                mutant = driven(key, program, counter, asserts=found.job.asserts, targets=())
                runs[key] = found, mutant
                yield mutant.program


def mutants_of(program: str, targets: Sequence[CountedFunction]) -> list[str]:
    """Up to `MUTANTS` programs that differ from this one by one small edit in one of the functions."""
    found: dict[str, None] = {}
    for seed in range(4 * MUTANTS):
        for target in targets:
            changed = _mutant(program, target, seed)
            if changed is not None and changed != program:
                found[changed] = None
        if len(found) >= MUTANTS:
            break
    return list(found)[:MUTANTS]


def _mutant(program: str, target: CountedFunction, seed: int) -> str | None:
    lines = program.split("\n")
    first, last = target.node.lineno - 1, target.node.end_lineno or target.node.lineno
    body = "\n".join(lines[first:last])
    edited = mutate("python", textwrap.dedent(body), seed)
    if edited is None:
        return None
    indented = textwrap.indent(edited[1], body[: len(body) - len(body.lstrip())])
    return "\n".join([*lines[:first], indented, *lines[last:]])


# --- several programs for one instruction ---


def _compare(progress: Sequence[_Progress], sandbox: Sandbox) -> None:
    runs: dict[str, tuple[_Progress, int, DrivenProgram]] = {}
    outcomes = {found.job.key: [""] * len(found.job.others) for found in progress}
    for outcome in sandbox.run(_other_runs(progress, runs)):
        found, number, other = runs.pop(outcome.key)
        found.proof = replace(found.proof, runs=found.proof.runs + 1)
        report = other.report(outcome)
        if report is not None and report.in_all and report.returned:
            outcomes[found.job.key][number] = report.outcome
    for found in progress:
        _take_comparison(found, outcomes[found.job.key])


def _take_comparison(found: _Progress, others: Sequence[str]) -> None:
    """A program is cross-checked if more than half of all, itself included, return what it returns."""
    report = found.report
    assert report is not None  # else it was not called
    groups = _groups([report.outcome if report.returned else "", *others])
    proof = replace(found.proof, outcome=report.outcome, groups=groups)
    detail = f"{proof.agreeing} of {len(proof.groups)} programs agree"
    if proof.agreement == "majority":
        found.proof = replace(proof, level="cross-checked", detail=detail, error="")
    else:
        found.proof = replace(proof, detail=proof.detail or detail)


def _groups(outcomes: Sequence[str]) -> tuple[int, ...]:
    """The number of each outcome among the different ones, -1 for "": a program that returned nothing."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(outcome, len(numbers)) if outcome else -1 for outcome in outcomes)


def _other_runs(
    progress: Sequence[_Progress], runs: dict[str, tuple[_Progress, int, DrivenProgram]]
) -> Iterator[Program]:
    for found in progress:
        for number, text in enumerate(found.job.others):
            key, counter = f"{found.job.key}/other-{number}", name_for_counter()
            program = counted(text, None, f"{counter}()")
            if program is not None:
                other = driven(key, program, counter, all_cases=True, targets=found.targets)
                runs[key] = found, number, other
                yield other.program
