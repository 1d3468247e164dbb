"""Decontamination: no row may share a run of ten words with a benchmark's problem text or reference solution.

Words are compared without case, punctuation and layout, so indentation and comments' marks do not hide a copy. A run
of ten counts only if it says something: at least five of its words hold a letter and at least six differ, so a list
of numbers is no evidence; and it must not stand in three or more problems of the same benchmark, as the idioms of a
language do (`for i in range(n): for j in range(n)`). A problem whose text has fewer words (from six on) is matched as
a whole.

Source of the run of ten words: the overlap filter of Brown et al. (2020), Language Models are Few-Shot Learners,
appendix C, uses 8 to 13 words by benchmark; ten is this project's choice for short programming problems.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.errors import MissingInputError
from coma_cli.records import Example, Problem, Record
from coma_cli.words import grams, words

GRAM_WORDS = 10
MIN_TEXT_WORDS = 6
_MIN_LETTER_WORDS = 5
_MIN_DISTINCT_WORDS = 6
_MAX_OWNERS = 2  # a run that more problems of a benchmark hold is an idiom
REASON = "contaminated"


class ContaminatedRow(Record):
    """A training row that shares text with a benchmark problem: both names, where in the row, and the shared words."""

    id: str
    source: str
    task: str
    bench: str
    problem: str
    part: str
    where: str
    shared: str

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True)
class Owner:
    """Which problem a run of words belongs to, and whether to its text or its solution."""

    bench: str
    task_id: str
    part: str


class BenchmarkIndex:
    """The runs of words of all problems that training data is kept clear of.

    `problems` counts them by benchmark; `bare` counts those of which no run of ten words could be taken.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[str, ...], Owner] = {}
        self._short: dict[tuple[str, ...], list[tuple[tuple[str, ...], Owner]]] = {}
        self.problems: Counter[str] = Counter()
        self.bare: Counter[str] = Counter()

    def add(self, bench: str, problems: Iterable[Problem]) -> None:
        """Take in a benchmark.

        Raises:
            MissingInputError: it has no problems, so nothing would be checked against it.
        """
        runs: dict[tuple[str, ...], list[Owner]] = {}
        for problem in problems:
            self.problems[bench] += 1
            for owner, text in _texts(bench, problem):
                for gram in set(grams(words(text), GRAM_WORDS)):
                    runs.setdefault(gram, []).append(owner)
            self._add_short(words(_statement(problem)), Owner(bench, problem.task_id, "problem"))
        if not self.problems[bench]:
            raise MissingInputError(
                f"The benchmark {bench} has 0 problems, so nothing could be checked against it.",
                "Give its published file with --bench-data, or --decontaminate off.",
            )
        covered: set[str] = set()
        for gram, owners in runs.items():
            if _says_something(gram) and len({owner.task_id for owner in owners}) <= _MAX_OWNERS:
                self._runs.setdefault(gram, owners[0])
                covered.update(owner.task_id for owner in owners)
        self.bare[bench] = self.problems[bench] - len(covered)

    def _add_short(self, run: list[str], owner: Owner) -> None:
        if MIN_TEXT_WORDS <= len(run) < GRAM_WORDS:
            self._short.setdefault(tuple(run[:MIN_TEXT_WORDS]), []).append((tuple(run), owner))

    def find(self, text: str) -> tuple[Owner, str] | None:
        """The first problem that the text shares a run with, and the shared words; None if there is none."""
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
        """Where the run of words that belongs to the same problem ends."""
        end = start + GRAM_WORDS
        while end < len(run):
            following = self._runs.get(tuple(run[end - GRAM_WORDS + 1 : end + 1]))
            if following is None or (following.bench, following.task_id) != (owner.bench, owner.task_id):
                break
            end += 1
        return end


def _says_something(run: Iterable[str]) -> bool:
    run = list(run)
    return (
        sum(any(sign.isalpha() for sign in word) for word in run) >= _MIN_LETTER_WORDS
        and len(set(run)) >= _MIN_DISTINCT_WORDS
    )


def _texts(bench: str, problem: Problem) -> Iterator[tuple[Owner, str]]:
    """The text of a problem and the solution that belongs to it."""
    yield Owner(bench, problem.task_id, "problem"), problem.prompt
    yield Owner(bench, problem.task_id, "solution"), problem.reference.removeprefix(problem.prompt_code)


def _statement(problem: Problem) -> str:
    """What a problem asks in one line, where it is asked in text; nothing where the prompt is code to be continued."""
    if problem.prompt_code:
        return ""
    return next((line for line in problem.prompt.splitlines() if words(line)), "")


def decontaminate(
    examples: Iterable[Example], index: BenchmarkIndex, on_drop: OnDrop, on_hit: Callable[[ContaminatedRow], None]
) -> Iterator[Example]:
    """The rows that share nothing with a benchmark; the others go to `on_drop`, and the evidence to `on_hit`."""
    for example in examples:
        hit = contamination(example, index)
        if hit is None:
            yield example
            continue
        row = dropped(example, REASON, f"{hit.problem} ({hit.part})")
        on_hit(hit.model_copy(update={"id": row.id}))
        on_drop(row)


def contamination(example: Example, index: BenchmarkIndex) -> ContaminatedRow | None:
    """The evidence that a row shares text with a benchmark, or None."""
    for where, text in (("question", f"{example.instruction}\n{example.input}"), ("answer", example.output)):
        found = index.find(text)
        if found is not None:
            owner, shared = found
            return ContaminatedRow(
                id=example.id,
                source=example.source,
                task=example.task,
                bench=owner.bench,
                problem=owner.task_id,
                part=owner.part,
                where=where,
                shared=shared,
            )
    return None
