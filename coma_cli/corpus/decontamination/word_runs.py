"""Texts of problems, and their solutions, recognized by runs of words: level 1 of decontamination.

Words are compared without case, punctuation and layout, so indentation and comment markers do not hide a copy. They are
compared a second time without the names of called functions, so that a documented example is found under another
function's name. A run of ten counts only if it is distinctive: at least five of its words are longer than a letter and
at least six differ, so a list of numbers proves nothing; it must not occur in three or more problems of the same
benchmark, as the idioms of a language do (`for i in range(n): for j in range(n)`); a run of a solution needs three
words that are neither Python's own nor single letters; and it must not consist of stock phrases ("write a function that
takes a string as input and returns the"), runs of four words that three problems or unrelated texts have in common. A
question without such a run (from six words on) is matched as a whole.

Source of the run of ten words: the overlap filter of Brown et al. (2020), Language Models are Few-Shot Learners,
appendix C, uses 8 to 13 words by benchmark; ten is this project's choice for short programming problems.
"""

import ast
import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.decontamination.tables import Owner, Stretch, Tables
from coma_cli.corpus.lexing import U64, Ints, Lexed, grams_of, lex
from coma_cli.languages import parse_python
from coma_cli.records import Problem
from coma_cli.words import words

GRAM_WORDS = 10
MIN_TEXT_WORDS = 6
STOCK_WORDS = 4
_MIN_LETTER_WORDS = 5
_MIN_DISTINCT_WORDS = 6
_MIN_TELLING_WORDS = 3  # of a run of code; level 2 finds copies of less distinctive code
_MIN_RARE = 3  # stretches of four words in a run that are not stock phrases
_CODE_WORDS = frozenset(word.lower() for word in (*keyword.kwlist, *dir(builtins), "self"))
_COUNTING = frozenset(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")  # prove as little as digits
)
_MAX_OWNERS = 2  # a run in more problems of a benchmark than this is an idiom
_OPENING = lex(["("]).hashes[0]
_LAST_WORDS = 3


class Quotation(NamedTuple):
    """The number of an owner, and the words of the text that are his."""

    owner: int
    shared: str


class _WordRun(NamedTuple):
    """Words of some texts, one text after the other; `numbers` says which word of its text each one is."""

    hashes: U64
    bounds: Ints
    numbers: Ints


def _runs(lexed: Lexed) -> tuple[_WordRun, _WordRun]:
    """All words, and those that are not the name of something that is called."""
    is_word = lexed.is_word
    called = np.zeros(len(is_word), dtype=bool)
    called[:-1] = lexed.hashes[1:] == _OPENING
    number = np.cumsum(is_word) - 1
    made = []
    for kept in (is_word, is_word & ~called):
        before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(kept, dtype=np.int64)))
        made.append(_WordRun(lexed.hashes[kept], before[lexed.bounds], number[kept]))
    return made[0], made[1]


def phrases_in(text: str) -> set[int]:
    """The hashes of all runs of four words in a text."""
    return {gram for run in _runs(lex([text])) for gram in grams_of(run.hashes, STOCK_WORDS).tolist()}


# --- what the tables hold ---


def add_runs(tables: Tables, bench: str, problems: Sequence[Problem], stock: Set[int]) -> None:
    """Add the distinctive runs of words of a benchmark's problems."""
    owners: dict[int, list[Owner]] = defaultdict(list)
    evidence: set[int] = set()
    phrases = Counter(phrase for one in problems for phrase in phrases_in(f"{one.prompt}\n{one.reference}"))
    stock = stock | {phrase for phrase, count in phrases.items() if count > _MAX_OWNERS}
    for problem in problems:
        for owner, text in _texts(bench, problem):
            for gram, tells in _grams(text, owner, stock):
                if not owners[gram] or owners[gram][-1] != owner:
                    owners[gram].append(owner)
                if tells:
                    evidence.add(gram)
    covered: set[str] = set()
    for gram in evidence:
        if len({owner.task_id for owner in owners[gram]}) <= _MAX_OWNERS:
            tables.runs.setdefault(gram, tables.number_of(owners[gram][0]))
            covered.update(owner.task_id for owner in owners[gram])
    tables.bare[bench] = len(problems) - len(covered)
    for problem in problems:
        _add_statement(tables, problem, Owner(bench, problem.task_id, "problem"), stock)


def _texts(bench: str, problem: Problem) -> Iterator[tuple[Owner, str]]:
    """The text of a problem and its solution."""
    yield Owner(bench, problem.task_id, "problem"), problem.prompt
    yield Owner(bench, problem.task_id, "solution"), problem.reference.removeprefix(problem.prompt_code)


def _grams(text: str, owner: Owner, stock: Set[int]) -> Iterator[tuple[int, bool]]:
    """The runs of ten words of a text, and whether each is evidence."""
    said = words(text)
    for run in _runs(lex([text])):
        grams = grams_of(run.hashes, GRAM_WORDS).tolist()
        spoken = [said[number] for number in run.numbers.tolist()] if grams else []
        # How many stretches that are rare, and words with letters, there are before each place.
        rare = [0, *accumulate(gram not in stock for gram in grams_of(run.hashes, STOCK_WORDS).tolist())]
        letters = [0, *accumulate(map(_has_letters, spoken))]
        for start, gram in enumerate(grams):
            end = start + GRAM_WORDS
            enough = rare[end - STOCK_WORDS + 1] - rare[start] >= _MIN_RARE
            enough = enough and letters[end] - letters[start] >= _MIN_LETTER_WORDS
            yield gram, enough and _is_evidence(spoken[start:end], owner)


def _has_letters(word: str) -> bool:
    return any(map(str.isalpha, word)) and (len(word) > 1 or not word.isascii()) and word not in _COUNTING


def _is_evidence(run: Sequence[str], owner: Owner) -> bool:
    if len(set(run)) < _MIN_DISTINCT_WORDS:
        return False
    if owner.part == "problem":
        return True
    telling = {word for word in run if len(word) > 1 and word not in _CODE_WORDS and not word.isdigit()}
    return len(telling) >= _MIN_TELLING_WORDS


def _add_statement(tables: Tables, problem: Problem, owner: Owner, stock: Set[int]) -> None:
    """A question without a run of ten words that proves something counts as a whole.

    One of stock phrases must also be the end of a sentence: more words would make it another question.
    """
    for run in _runs(lex([_statement(problem)])):
        size = len(run.hashes)
        grams = grams_of(run.hashes, GRAM_WORDS).tolist()
        if size >= MIN_TEXT_WORDS and not any(gram in tables.runs for gram in grams):
            rare = sum(phrase not in stock for phrase in grams_of(run.hashes, STOCK_WORDS).tolist())
            last = int(grams_of(run.hashes[-MIN_TEXT_WORDS:], MIN_TEXT_WORDS)[0])
            whole = int(grams_of(run.hashes, size)[0])
            stretch = Stretch(size, whole, int(rare < _MIN_RARE), tables.number_of(owner))
            if stretch not in tables.statements.setdefault(last, []):
                tables.statements[last].append(stretch)


def _statement(problem: Problem) -> str:
    """The question of a problem in one line; its documentation if the prompt is code to be continued."""
    if not problem.prompt_code:
        return next((line for line in problem.prompt.splitlines() if words(line)), "")
    tree = parse_python(f"{problem.prompt_code}\n    pass")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree is not None else []
    asked = [ast.get_docstring(node) for node in functions if node.name == problem.entry_point]
    return asked[0] or "" if asked else ""


# --- how texts are searched ---


@dataclass(frozen=True, eq=False)
class WordRuns:
    """Finds the runs of words of some tables in texts."""

    tables: Tables
    long: GramTable
    short: GramTable

    @classmethod
    def of(cls, tables: Tables) -> "WordRuns":
        """The search for the runs and statements of some tables."""
        return cls(tables, GramTable.of(_keys(tables.runs)), GramTable.of(_keys(tables.statements)))

    def suspects(self, texts: Sequence[str]) -> list[int]:
        """Which texts may share a run: all for which `find` finds something, and hardly any other."""
        suspect = np.zeros(len(texts), dtype=bool)
        for run in _runs(lex(texts)):
            for table, size in ((self.long, GRAM_WORDS), (self.short, MIN_TEXT_WORDS)):
                places = table.places(grams_of(run.hashes, size))
                owners = np.searchsorted(run.bounds, places, side="right") - 1
                suspect[owners[places + size <= run.bounds[owners + 1]]] = True
        found: list[int] = np.flatnonzero(suspect).tolist()
        return found

    def find(self, text: str) -> Iterator[Quotation]:
        """The problems that share a run with the text, and the shared words."""
        said = words(text)
        for run in _runs(lex([text])):
            grams = grams_of(run.hashes, GRAM_WORDS).tolist()
            for start, gram in enumerate(grams):
                owner = self.tables.runs.get(gram)
                if owner is not None:
                    end = self._end(grams, start, owner) + GRAM_WORDS
                    yield Quotation(owner, _said(said, run, start, end))
            yield from self._statements(text, said, run)

    def _end(self, grams: Sequence[int], start: int, owner: int) -> int:
        """The start of the last run of the same problem in a row of them."""
        owners = self.tables.owners
        problem = owners[owner].bench, owners[owner].task_id
        while start + 1 < len(grams):
            following = self.tables.runs.get(grams[start + 1])
            if following is None or (owners[following].bench, owners[following].task_id) != problem:
                break
            start += 1
        return start

    def _statements(self, text: str, said: Sequence[str], run: _WordRun) -> Iterator[Quotation]:
        for start, last in enumerate(grams_of(run.hashes, MIN_TEXT_WORDS).tolist()):
            end = start + MIN_TEXT_WORDS
            for whole in self.tables.statements.get(last, ()):
                there = run.hashes[max(end - whole.length, 0) : end]
                if len(there) == whole.length and int(grams_of(there, whole.length)[0]) == whole.hash:
                    shared = _said(said, run, end - whole.length, end)
                    if not whole.weight or _ends_a_sentence(text, shared):
                        yield Quotation(whole.owner, shared)


def _ends_a_sentence(text: str, shared: str) -> bool:
    """Whether nothing but punctuation or a new line follows some words of a text."""
    last = r"\W+".join(map(re.escape, shared.split()[-_LAST_WORDS:]))
    return re.search(rf"{last}[^\S\n]*(?:[.!?:;,\n\"'`)\]\u3002\uff1f]|\Z)", text.lower()) is not None


def _keys(hashes: Iterable[int]) -> U64:
    return np.fromiter(hashes, dtype=np.uint64)


def _said(said: Sequence[str], run: _WordRun, start: int, end: int) -> str:
    return " ".join(said[number] for number in run.numbers[start:end].tolist() if number < len(said))
