"""The index of benchmarks: whose problem a text contains, by words and tests (level 1) or programs (level 2)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from coma_cli.corpus.decontamination.checks import add_checks, checks_in
from coma_cli.corpus.decontamination.solutions import Solutions, add_solutions
from coma_cli.corpus.decontamination.tables import Background, Owner, Tables
from coma_cli.corpus.decontamination.word_runs import WordRuns, add_runs
from coma_cli.errors import MissingInputError
from coma_cli.records import Problem

_NOTHING_COMMON = Background()


class Hit(NamedTuple):
    """What a text shares with a problem: the problem, the shared piece of the text, and the level that found it."""

    owner: Owner
    shared: str
    level: Literal[1, 2]


class BenchmarkIndex:
    """What training data must not contain of all problems: runs of words, tests, and solutions."""

    def __init__(self, background: Background = _NOTHING_COMMON) -> None:
        self._background = background
        self._tables = Tables()
        self._runs: WordRuns | None = None
        self._solutions: Solutions | None = None

    @property
    def problems(self) -> Counter[str]:
        """The number of problems of each benchmark."""
        return Counter(self._tables.sizes)

    @property
    def bare(self) -> Counter[str]:
        """The number of problems of each benchmark that have no distinctive run of ten words."""
        return Counter(self._tables.bare)

    def add(self, bench: str, problems: Iterable[Problem]) -> None:
        """Add a benchmark.

        Raises:
            MissingInputError: it has no problems, so nothing would be checked against it.
        """
        self.add_tables(tables_of(bench, tuple(problems), self._background))

    def add_tables(self, tables: Tables) -> None:
        """Add benchmarks whose tables are made already."""
        self._tables.update(tables)
        self._runs = self._solutions = None

    def find(self, text: str) -> tuple[Owner, str] | None:
        """The first problem that shares a run of words or tests with the text, and what is shared; None without one."""
        return next(((hit.owner, hit.shared) for _, hit in self.quotations([text])), None)

    def quotations(self, texts: Sequence[str]) -> Iterator[tuple[int, Hit]]:
        """Level 1: the numbers of texts that share words or tests with problems, with what they share."""
        if self._runs is None:
            self._runs = WordRuns.of(self._tables)
        for number in self._runs.suspects(texts):
            for found in self._runs.find(texts[number]):
                yield number, Hit(self._tables.owners[found.owner], found.shared, 1)
        for number, text in enumerate(texts):
            for owner, shared in checks_in(text, self._tables):
                yield number, Hit(self._tables.owners[owner], shared, 1)

    def copies(self, texts: Sequence[str]) -> Iterator[tuple[int, Hit]]:
        """Level 2: the numbers of texts that contain a solution, with what they contain."""
        if self._solutions is None:
            self._solutions = Solutions(self._tables)
        for number, copy in self._solutions.copies(texts):
            yield number, Hit(self._tables.owners[copy.owner], copy.shared, 2)


def tables_of(bench: str, problems: Sequence[Problem], background: Background) -> Tables:
    """The tables of one benchmark.

    Raises:
        MissingInputError: it has no problems.
    """
    if not problems:
        raise MissingInputError(
            f"The benchmark {bench} has 0 problems, so nothing could be checked against it.",
            "Give its published file with --bench-data, or use --decontaminate off.",
        )
    tables = Tables(sizes={bench: len(problems)})
    add_runs(tables, bench, problems, background.phrases)
    add_checks(tables, bench, problems)
    add_solutions(tables, bench, problems, background.programs)
    return tables
