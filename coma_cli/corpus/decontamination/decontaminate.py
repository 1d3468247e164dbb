"""Decontamination: no row may contain a benchmark's problem or its solution, verbatim or under other names.

Level 1: no row shares a run of ten words with a problem's text or reference solution. Level 2: no function of a row,
and no code as a whole, is a reference solution with other identifiers, comments or layout (see `solutions`).

At level 1, words are compared without case, punctuation and layout, so indentation and comment markers do not hide a
copy. A run of ten counts only if it is distinctive: at least five of its words are longer than a letter and at least
six differ, so a list of numbers proves nothing; and it must not occur in three or more problems of the same benchmark,
as the idioms of a language do (`for i in range(n): for j in range(n)`); a run of a solution needs three words that are
neither Python's own nor single letters. A problem whose text has fewer words (from six on) is matched as a whole.

False positives, measured on slices of upstream's data sets with all five benchmarks: 29 of 2,600 rows of CodeAlpaca and
39 of 17,590 of CodeGPT (textbook functions that both have: a prime test, the node of a tree), and none of 24,000 rows
of twelve other sources.

Source of the run of ten words: the overlap filter of Brown et al. (2020), Language Models are Few-Shot Learners,
appendix C, uses 8 to 13 words by benchmark; ten is this project's choice for short programming problems.
"""

import builtins
import keyword
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.decontamination.solutions import SolutionIndex
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.corpus.lexing import grams_of, lex
from coma_cli.errors import MissingInputError
from coma_cli.records import Example, Problem, Record
from coma_cli.words import grams, words

GRAM_WORDS = 10
MIN_TEXT_WORDS = 6
_MIN_LETTER_WORDS = 5
_MIN_DISTINCT_WORDS = 6
_MIN_TELLING_WORDS = 3  # of a run of code; level 2 finds copies of less distinctive code
_CODE_WORDS = frozenset(word.lower() for word in (*keyword.kwlist, *dir(builtins), "self"))
_MAX_OWNERS = 2  # a run in more problems of a benchmark than this is an idiom
REASON = "contaminated"


_BATCH_ROWS = 256
_SHARED_CHARS = 2000


class ContaminatedRow(Record):
    """A training row that contains a benchmark problem or its solution: their names, where it is, and the shared text.

    `shared` is at level 1 the words in common; at level 2 the row's code, which is the solution under other names; at
    level 3 the function that passes the problem's tests (`assertions` of them, and those of the problems in
    `also_solves`), or the words that it has in common with the problem beside that. `solves` at level 3 does
    not prove a copy.
    """

    id: str
    source: str
    task: str
    bench: str
    problem: str
    part: str
    where: str
    shared: str
    level: Literal[1, 2, 3] = 1
    kind: Literal["copy", "solves"] = "copy"
    assertions: int = 0
    also_solves: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True)
class Owner:
    """The problem that a run of words belongs to, and whether to its text or its solution."""

    bench: str
    task_id: str
    part: str


class BenchmarkIndex:
    """The runs of words of all problems that training data must not contain.

    `problems` counts them by benchmark; `bare` counts those without any distinctive run of ten words.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[str, ...], Owner] = {}
        self._short: dict[tuple[str, ...], list[tuple[tuple[str, ...], Owner]]] = {}
        self._tables: tuple[GramTable, GramTable] | None = None
        self.solutions: SolutionIndex[Owner] = SolutionIndex()
        self.problems: Counter[str] = Counter()
        self.bare: Counter[str] = Counter()

    def add(self, bench: str, problems: Iterable[Problem]) -> None:
        """Add a benchmark.

        Raises:
            MissingInputError: it has no problems, so nothing would be checked against it.
        """
        runs: dict[tuple[str, ...], list[Owner]] = {}
        problems = list(problems)
        for problem in problems:
            self.problems[bench] += 1
            for owner, text in _texts(bench, problem):
                for gram in set(grams(words(text), GRAM_WORDS)):
                    runs.setdefault(gram, []).append(owner)
            self._add_short(words(_statement(problem)), Owner(bench, problem.task_id, "problem"))
        if not self.problems[bench]:
            raise MissingInputError(
                f"The benchmark {bench} has 0 problems, so nothing could be checked against it.",
                "Give its published file with --bench-data, or use --decontaminate off.",
            )
        self.solutions.add([(Owner(bench, p.task_id, "solution"), p.reference) for p in problems])
        self._tables = None
        covered: set[str] = set()
        for gram, owners in runs.items():
            if _is_evidence(gram, owners):
                self._runs.setdefault(gram, owners[0])
                covered.update(owner.task_id for owner in owners)
        self.bare[bench] = self.problems[bench] - len(covered)

    def _add_short(self, run: list[str], owner: Owner) -> None:
        if MIN_TEXT_WORDS <= len(run) < GRAM_WORDS:
            self._short.setdefault(tuple(run[:MIN_TEXT_WORDS]), []).append((tuple(run), owner))

    def suspects(self, texts: Sequence[str]) -> list[int]:
        """Which texts may share a run: all for which `find` finds something, and hardly any other."""
        long, short = self._gram_tables()
        plain = lex(texts).words()
        suspect = np.zeros(len(texts), dtype=bool)
        for table, size in ((long, GRAM_WORDS), (short, MIN_TEXT_WORDS)):
            places = table.places(grams_of(plain.hashes, size))
            owners = np.searchsorted(plain.bounds, places, side="right") - 1
            suspect[owners[places + size <= plain.bounds[owners + 1]]] = True
        found: list[int] = np.flatnonzero(suspect).tolist()
        return found

    def _gram_tables(self) -> tuple[GramTable, GramTable]:
        if self._tables is None:
            self._tables = _gram_table(self._runs, GRAM_WORDS), _gram_table(self._short, MIN_TEXT_WORDS)
        return self._tables

    def find(self, text: str) -> tuple[Owner, str] | None:
        """The first problem that shares a run with the text, and the shared words; None if there is none."""
        run = words(text)
        for start, gram in enumerate(grams(run, GRAM_WORDS)):
            owner = self._runs.get(gram)
            if owner is not None:
                return owner, " ".join(run[start : self._end_of_shared(run, start, owner)])
        for start, head in enumerate(grams(run, MIN_TEXT_WORDS)):
            for whole, owner in self._short.get(head, ()):
                if tuple(run[start : start + len(whole)]) == whole:
                    return owner, " ".join(whole)
        return None

    def _end_of_shared(self, run: list[str], start: int, owner: Owner) -> int:
        """Where the run of words of the same problem ends."""
        end = start + GRAM_WORDS
        while end < len(run):
            following = self._runs.get(tuple(run[end - GRAM_WORDS + 1 : end + 1]))
            if following is None or (following.bench, following.task_id) != (owner.bench, owner.task_id):
                break
            end += 1
        return end


_latest: dict[tuple[tuple[str, str], ...], BenchmarkIndex] = {}


def index_of(benchmarks: Sequence[LoadedBenchmark]) -> BenchmarkIndex | None:
    """The index of some benchmarks, None if there are none; the latest is cached.

    Raises:
        MissingInputError: one of them has no problems.
    """
    if not benchmarks:
        return None
    key = tuple((bench.name, bench.content_sha256) for bench in benchmarks)
    if key not in _latest:
        index = BenchmarkIndex()
        for bench in benchmarks:
            index.add(bench.name, bench.problems)
        _latest.clear()
        _latest[key] = index
    return _latest[key]


def _gram_table(runs: Iterable[tuple[str, ...]], size: int) -> GramTable:
    """The hashes of runs of `size` words."""
    return GramTable.of(grams_of(lex([" ".join(run) for run in runs]).hashes, size)[::size])


def _is_evidence(run: Sequence[str], owners: Sequence[Owner]) -> bool:
    if len({owner.task_id for owner in owners}) > _MAX_OWNERS or not _says_something(run):
        return False
    telling = {word for word in run if len(word) > 1 and word not in _CODE_WORDS and not word.isdigit()}
    return len(telling) >= _MIN_TELLING_WORDS or any(owner.part == "problem" for owner in owners)


def _says_something(run: Sequence[str]) -> bool:
    return (
        sum(any(map(str.isalpha, word)) and (len(word) > 1 or not word.isascii()) for word in run) >= _MIN_LETTER_WORDS
        and len(set(run)) >= _MIN_DISTINCT_WORDS
    )


def _texts(bench: str, problem: Problem) -> Iterator[tuple[Owner, str]]:
    """The text of a problem and its solution."""
    yield Owner(bench, problem.task_id, "problem"), problem.prompt
    yield Owner(bench, problem.task_id, "solution"), problem.reference.removeprefix(problem.prompt_code)


def _statement(problem: Problem) -> str:
    """The question of a problem in one line, if it is asked in prose; nothing if the prompt is code to be continued."""
    if problem.prompt_code:
        return ""
    return next((line for line in problem.prompt.splitlines() if words(line)), "")


def decontaminate(
    examples: Iterable[Example], index: BenchmarkIndex, on_drop: OnDrop, on_hit: Callable[[ContaminatedRow], None]
) -> Iterator[Example]:
    """The rows that share nothing with a benchmark; the others go to `on_drop`, their evidence to `on_hit`."""
    rows = iter(examples)
    while batch := list(islice(rows, _BATCH_ROWS)):
        for example, hit in zip(batch, contaminations(batch, index), strict=True):
            if hit is None:
                yield example
                continue
            row = dropped(example, REASON, f"{hit.problem} ({hit.part})")
            on_hit(hit.model_copy(update={"id": row.id}))
            on_drop(row)


def contaminations(examples: Sequence[Example], index: BenchmarkIndex) -> list[ContaminatedRow | None]:
    """For each row, the evidence that it contains part of a benchmark, or None."""
    found: list[ContaminatedRow | None] = [None] * len(examples)
    questions = [f"{row.instruction}\n{row.input}" for row in examples]
    answers = [row.output for row in examples]
    for where, texts in (("question", questions), ("answer", answers)):
        for number in index.suspects(texts):
            hit = index.find(texts[number]) if found[number] is None else None
            if hit is not None:
                found[number] = _evidence(examples[number], where, hit[0], hit[1], 1)
    fields = [("answer", answers), ("question", [row.input for row in examples])]
    fields.append(("question", [row.instruction if "```" in row.instruction else "" for row in examples]))
    for where, texts in fields:
        known = {number for number, evidence in enumerate(found) if evidence is not None}
        for number, copy in index.solutions.copies(texts, known):
            found[number] = _evidence(examples[number], where, copy.owner, copy.shared, 2)
    return found


def _evidence(example: Example, where: str, owner: Owner, shared: str, level: Literal[1, 2]) -> ContaminatedRow:
    return ContaminatedRow(
        id=example.id,
        source=example.source,
        task=example.task,
        bench=owner.bench,
        problem=owner.task_id,
        part=owner.part,
        where=where,
        shared=shared[:_SHARED_CHARS],
        level=level,
    )


def contamination(example: Example, index: BenchmarkIndex) -> ContaminatedRow | None:
    """The evidence that a row contains part of a benchmark, or None."""
    return contaminations([example], index)[0]
