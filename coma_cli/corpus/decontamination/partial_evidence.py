"""What tells a copy from a function that happens to solve the same problem: evidence too weak to count by itself.

Textbook functions pass a benchmark's tests without having seen it. A row whose function passes counts as a copy only if
it also shares a run of words with the text of that problem, or most of its syntax tree with the reference solution:

* six words in a row, three of them of four letters or more, one of those in at most three problems' texts of the
  benchmark; the run itself in at most two (`to find the nth tetrahedral number`, not `to find the index of the`);
* nine tenths of the normalized syntax tree (see `normalized_ast`), where the reference has a weight of 20 or more.

Measured on 2,600 rows of CodeAlpaca, 93 of which pass tests of HumanEval or MBPP: neither holds for any of these 93.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from coma_cli.corpus.decontamination.candidate_functions import CandidateFunction
from coma_cli.corpus.decontamination.normalized_ast import units
from coma_cli.corpus.decontamination.writing import Shape
from coma_cli.records import Problem
from coma_cli.words import grams, words

WORDS = 6
_LONG_WORD_CHARS = 4
_LEAST_LONG_WORDS = 3
_MOST_TEXTS_OF_A_WORD = 3
_MOST_TEXTS_OF_A_RUN = 2
LEAST_WEIGHT = 20
LEAST_SIMILARITY = 0.9


@dataclass(frozen=True)
class PartialEvidence:
    """The texts of all problems of some benchmarks, by which runs of words are judged."""

    _runs: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    _words: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "PartialEvidence":
        """The evidence that these problems give."""
        made = cls()
        for problem in problems:
            text = words(problem.prompt)
            made._runs.update((problem.bench, run) for run in set(grams(text, WORDS)))
            made._words.update((problem.bench, word) for word in set(text))
        return made

    def shared_words(self, text: str, problem: Problem) -> str:
        """The first telling run of words of a problem's text that a text has too; "" if there is none."""
        own = set(grams(words(problem.prompt), WORDS))
        return next(
            (" ".join(run) for run in grams(words(text), WORDS) if run in own and self._tells(problem.bench, run)), ""
        )

    def _tells(self, bench: str, run: tuple[str, ...]) -> bool:
        long = {word for word in run if len(word) >= _LONG_WORD_CHARS and word.isalpha()}
        return (
            len(long) >= _LEAST_LONG_WORDS
            and any(self._words[bench, word] <= _MOST_TEXTS_OF_A_WORD for word in long)
            and self._runs[bench, run] <= _MOST_TEXTS_OF_A_RUN
        )


def is_like_reference(candidate: CandidateFunction, problem: Problem) -> bool:
    """Whether a function has most of the syntax tree of a problem's reference solution, names apart."""
    reference = _shapes(problem.reference).get(problem.entry_point)
    own = _shapes(candidate.program).get(candidate.function.rpartition(".")[2])
    if reference is None or own is None or min(reference.weight, own.weight) < LEAST_WEIGHT:
        return False
    similarity = SequenceMatcher(None, reference.text.split(), own.text.split(), autojunk=False).ratio()
    return similarity >= LEAST_SIMILARITY


@lru_cache(maxsize=256)
def _shapes(code: str) -> dict[str, Shape]:
    """The shapes of the functions of a program by their names."""
    found: dict[str, Shape] = defaultdict(lambda: Shape("", 0))
    for unit in units(code):
        if unit.shape.weight > found[unit.name].weight:
            found[unit.name] = unit.shape
    return dict(found)
