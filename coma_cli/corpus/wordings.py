"""Further wordings of the instructions of tasks: the form of their rows, what they must satisfy, and their use.

`gen-instructions --wordings` writes such rows, and `build-data --wordings` words rows with them as well. A wording
is added to one table of its task, which its first English wording names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import Task, Wordings
from coma_cli.corpus.cleaning.text_language import wrong_language
from coma_cli.corpus.examples import question_in
from coma_cli.errors import MissingInputError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows
from coma_cli.jsonl import sha256_of
from coma_cli.records import Example, Record, TextLanguage
from coma_cli.text_language.identification import not_simplified

WORDINGS_FILE = "wordings.jsonl"
_LONGEST = 300  # characters
_ID_DIGITS = 20
# What is filled in, and what stands for a part of the input: both stay as they are.
_KEPT = re.compile(r"\{[^{}\s]*\}|<[^<>\s]+>")


class TaskWording(Record):
    """One more wording of a task's instructions; `like` is the first English wording of the table that it extends."""

    task: str
    like: str
    text_language: TextLanguage
    text: str
    made_by: str = ""

    @property
    def key(self) -> str:
        return sha256_of([self.task, self.like, self.text_language, self.text])[:_ID_DIGITS]


@dataclass(frozen=True)
class WordingFlaw:
    """Why a wording can't be used: a drop reason, and a detail for people."""

    reason: str
    detail: str = ""


def tables_of(task: Task) -> dict[str, Wordings]:
    """The tables of a task by their first English wordings; of those that begin alike the one that they share."""
    found: dict[str, Wordings] = {}
    for table in sorted(task.wordings, key=lambda table: len(table["en"])):
        found.setdefault(table["en"][0], table)
    return found


def flaw_of_wording(text: str, table: Wordings, text_language: TextLanguage, task: Task) -> WordingFlaw | None:
    """Why a text can't be added to the wordings of a table: form, language, placeholders, or what it gives away."""
    if not text.strip():
        return WordingFlaw("empty")
    if len(text) > _LONGEST:
        return WordingFlaw("too-long", f"{len(text)} characters")
    if "\n" in text or ("`" in text and not any("`" in there for there in table[text_language])):
        return WordingFlaw("text-holds-code")
    wanted, there = set(_KEPT.findall(table["en"][0])), set(_KEPT.findall(text))
    if wanted != there:
        return WordingFlaw("other-placeholders", ", ".join(sorted(wanted ^ there)))
    in_words = _KEPT.sub(" ", text)
    why = wrong_language(in_words, text_language)
    traditional = not_simplified(text) if text_language == "cn" else []
    if why is not None or traditional:
        return WordingFlaw("other-text-language", why or "".join(traditional[:10]))
    if _named_answers(text, task, text_language) not in _named_so_far(table, task, text_language):
        return WordingFlaw("quotes-the-answer", " or ".join(sorted(_named_answers(text, task, text_language))))
    return None


def _named_answers(text: str, task: Task, text_language: TextLanguage) -> frozenset[str]:
    """Which of the two possible answers of a yes/no task a text names."""
    labels = (task.labels or {}).get(text_language, ())
    patterns = {label: rf"\b{label}\b" if text_language == "en" else re.escape(label) for label in labels}
    return frozenset(label for label, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE))


def _named_so_far(table: Wordings, task: Task, text_language: TextLanguage) -> set[frozenset[str]]:
    return {_named_answers(text, task, text_language) for text in table[text_language]}


@dataclass(frozen=True)
class AddedWordings:
    """Wordings beside those of the catalogue, by task, first English wording of their table, and text language."""

    texts: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[TaskWording]) -> "AddedWordings":
        """Those of rows, in the order of their keys, each once."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in sorted(rows, key=lambda row: row.key):
            texts = found.setdefault((row.task, row.like, row.text_language), [])
            if row.text not in texts:
                texts.append(row.text)
        return cls({place: tuple(texts) for place, texts in found.items()})

    def beside(self, task: str, table: Wordings, text_language: TextLanguage) -> tuple[str, ...]:
        """Those that are added to the wordings of a table."""
        return self.texts.get((task, table["en"][0], text_language), ())

    def unworded(self, row: Example) -> Example:
        """A row whose instruction is the question alone, if one of these wordings is around it."""
        for (task, _, text_language), texts in self.texts.items():
            if (task, text_language) == (row.task, row.text_language):
                question = question_in(row, texts)
                if question is not None:
                    return row.model_copy(update={"instruction": question})
        return row


NO_WORDINGS = AddedWordings()


def read_wordings(path: Path) -> list[TaskWording]:
    """The rows of a file of wordings.

    Raises:
        MissingInputError: a row is none, is about no table of a known task, or its text can't be used.
    """
    rows = []
    for place, raw in whole_rows(one_file(path)):
        row = TaskWording.from_row(raw, str(path), WORDINGS_FILE)
        why = _why_not(row)
        if why is not None:
            raise MissingInputError(f"{path}, {place}: {why}", "Check --wordings.")
        rows.append(row)
    return rows


def _why_not(row: TaskWording) -> str | None:
    task = TASKS.get(row.task)
    if task is None:
        return f"there is no task {row.task!r}; known: {', '.join(TASKS)}."
    table = tables_of(task).get(row.like)
    if table is None:
        return f"no wordings of {row.task} begin with {row.like!r}."
    flaw = flaw_of_wording(row.text, table, row.text_language, task)
    return None if flaw is None else f"the wording {row.text!r} can't be used: {flaw.reason} {flaw.detail}".rstrip()
