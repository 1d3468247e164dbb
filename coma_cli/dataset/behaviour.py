"""Level 3 of decontamination over the rows of a table: which of them hold a function that solves a benchmark problem.

Runs after the parts are made and before rows are selected. Parts are searched for candidates by the workers; what they
find is run in the sandbox of this machine, each distinct function once (see `corpus.decontamination.behaviour`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from coma_cli import console
from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.corpus.decontamination.behaviour import BehaviouralCheck, Solved
from coma_cli.corpus.decontamination.candidate_functions import (
    CandidateFunction,
    candidates_in,
    may_hold_candidates,
)
from coma_cli.corpus.decontamination.decontaminate import ContaminatedRow
from coma_cli.corpus.decontamination.partial_evidence import PartialEvidence, is_like_reference
from coma_cli.corpus.decontamination.screening import LIMITS
from coma_cli.corpus.decontamination.solvable_problems import SolvableProblem, solvable
from coma_cli.dataset.parts import Part
from coma_cli.dataset.rows import Mask, RowReader, RowTable
from coma_cli.dataset.settings import Behaviour
from coma_cli.errors import CliError
from coma_cli.parallel.shards import map_shards
from coma_cli.records import Example
from coma_cli.sandbox import (
    InheritedLimitError,
    SandboxError,
    SandboxUnavailable,
    check_inherited,
    probe_isolation,
)

Where = Literal["answer", "question"]
_SHARED_CHARS = 2000
_FENCE = "```"
_OFF = "it is switched off"


class FoundFunction(NamedTuple):
    """A candidate in a row: the row's number, the part of it, and the candidate's key."""

    row: int
    where: Where
    key: str


class FoundFunctions(NamedTuple):
    """The candidates of one part; rows count from the first of the part."""

    part: int
    found: tuple[FoundFunction, ...]
    candidates: Mapping[str, CandidateFunction]


@dataclass(frozen=True)
class BehaviourReport:
    """What level 3 found: the evidence by row, the rows to be dropped, and the benchmarks whose tests were run.

    `skipped` says why the level did not run; "" if it did. `problems` counts those that could be tried, by benchmark.
    """

    evidence: Mapping[int, ContaminatedRow] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    skipped: str = ""
    problems: Mapping[str, int] = field(default_factory=dict)
    functions: int = 0

    def mask(self, rows: RowTable) -> Mask:
        """(rows,): which rows are dropped."""
        marked = np.zeros(len(rows), dtype=bool)
        marked[sorted(self.dropped)] = True
        return marked


NOTHING_FOUND = BehaviourReport(skipped=_OFF)


def examine(
    rows: RowTable, benchmarks: Sequence[LoadedBenchmark], behaviour: Behaviour, workers: int
) -> BehaviourReport:
    """Find the rows that solve problems of some benchmarks; with `drop` all of them are dropped, else the copies.

    Raises:
        CliError: the sandbox failed.
    """
    if behaviour == "off":
        return NOTHING_FOUND
    problems = solvable(benchmarks)
    if not problems:
        return BehaviourReport(skipped="no benchmark with tests is available")
    counts = dict(Counter(problem.problem.bench for problem in problems))
    found = _functions(rows, workers)
    candidates = {key: candidate for part in found for key, candidate in part.candidates.items()}
    try:
        solved = _solved(problems, candidates, workers) if candidates else {}
    except (SandboxUnavailable, InheritedLimitError) as error:
        return BehaviourReport(skipped=f"this machine can't isolate programs ({error})")
    except SandboxError as error:
        raise CliError(
            f"The sandbox broke: {error}", "Rerun the same command to resume, or add --decontaminate-behaviour off."
        ) from error
    return _report(rows, _Evidence(problems, candidates, solved, behaviour), found, counts)


def _solved(problems: Sequence[SolvableProblem], candidates: Mapping[str, CandidateFunction], workers: int) -> Solved:
    check_inherited(LIMITS, workers)
    check = BehaviouralCheck(problems, probe_isolation(), workers)
    with console.progress("functions", len(candidates)) as ticker:
        return check.solved_by(candidates, ticker.advance)


def _functions(rows: RowTable, workers: int) -> list[FoundFunctions]:
    """The candidates of all parts but those of references, in the order of the parts."""
    parts = list(enumerate(rows.parts[: len(rows.parts) - rows.references]))
    return sorted(map_shards(functions_of_part, None, parts, workers), key=lambda found: found.part)


def functions_of_part(context: None, numbered: tuple[int, Part]) -> FoundFunctions:
    """The candidates in the rows of a part."""
    number, part = numbered
    found: list[FoundFunction] = []
    candidates: dict[str, CandidateFunction] = {}
    for row, line in enumerate(_lines(part)):
        for where, candidate in _in_row(line):
            found.append(FoundFunction(row, where, candidate.key))
            candidates.setdefault(candidate.key, candidate)
    return FoundFunctions(number, tuple(dict.fromkeys(found)), candidates)


def _lines(part: Part) -> Iterator[bytes]:
    index = part.index()
    with Path(part.path).open("rb") as handle:
        for offset, length in zip(index["offset"].tolist(), index["length"].tolist(), strict=True):
            handle.seek(offset)
            yield handle.read(length)


def _in_row(line: bytes) -> Iterator[tuple[Where, CandidateFunction]]:
    """The candidates in the answer of a row, and in its question where that has code."""
    if not may_hold_candidates(line.decode("utf-8", "replace")):
        return
    row = json.loads(line)
    asked = (row["input"], row["instruction"] if _FENCE in row["instruction"] else "")
    for candidate in candidates_in([row["output"]]):
        yield "answer", candidate
    for candidate in candidates_in(asked):
        yield "question", candidate


@dataclass(frozen=True)
class _Evidence:
    """What is known of the functions, and how a row is judged by it."""

    problems: Sequence[SolvableProblem]
    candidates: Mapping[str, CandidateFunction]
    solved: Solved
    behaviour: Behaviour

    def partial(self) -> PartialEvidence:
        return PartialEvidence.of(problem.problem for problem in self.problems)

    def of_row(
        self, example: Example, functions: Sequence[FoundFunction], partial: PartialEvidence
    ) -> tuple[ContaminatedRow, bool]:
        """The evidence of a row with functions that solve problems, and whether it is dropped."""
        solving = [(number, entry) for entry in functions for number in self.solved[entry.key]]
        solving.sort(key=lambda pair: pair[0])
        text = f"{example.instruction}\n{example.input}\n{example.output}"
        copied = next(
            (
                (number, entry, shared)
                for number, entry in solving
                if (shared := self._why_copy(text, number, entry, partial))
            ),
            None,
        )
        number, entry = copied[:2] if copied else solving[0]
        tried = self.problems[number]
        others = dict.fromkeys(self.problems[n].problem.task_id for n, _ in solving if n != number)
        row = ContaminatedRow(
            id=example.id,
            source=example.source,
            task=example.task,
            bench=tried.problem.bench,
            problem=tried.problem.task_id,
            part="tests",
            where=entry.where,
            shared=(copied[2] if copied else self.candidates[entry.key].program)[:_SHARED_CHARS],
            level=3,
            kind="copy" if copied else "solves",
            assertions=tried.assertions,
            also_solves=tuple(name for name in others if name != tried.problem.task_id),
        )
        return row, bool(copied) or self.behaviour == "drop"

    def _why_copy(self, text: str, number: int, entry: FoundFunction, partial: PartialEvidence) -> str:
        problem, candidate = self.problems[number].problem, self.candidates[entry.key]
        return partial.shared_words(text, problem) or (
            candidate.program if is_like_reference(candidate, problem) else ""
        )


def _report(
    rows: RowTable, evidence: _Evidence, found: Iterable[FoundFunctions], problems: Mapping[str, int]
) -> BehaviourReport:
    by_row: dict[int, list[FoundFunction]] = defaultdict(list)
    starts = np.searchsorted(rows.part, np.arange(len(rows.parts)))  # rows lie by part
    for part in found:
        for entry in part.found:
            if evidence.solved[entry.key]:
                by_row[int(starts[part.part]) + entry.row].append(entry)
    made: dict[int, ContaminatedRow] = {}
    dropped: set[int] = set()
    partial = evidence.partial()
    with RowReader(rows) as reader:
        for row in sorted(by_row):
            made[row], leaves = evidence.of_row(reader.example(row), by_row[row], partial)
            if leaves:
                dropped.add(row)
    return BehaviourReport(made, frozenset(dropped), "", problems, len(evidence.candidates))
