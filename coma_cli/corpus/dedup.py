"""Duplicates: of rows of one task that ask the same, or give the same longer answer, the first one stays.

Compared is the exact text without layout and case. "First" is the order in which rows are handed in, which callers
keep fixed. Near duplicates (MinHash) will be a second class with the same two methods.
"""

import hashlib
from collections.abc import Iterable, Iterator

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.records import Example
from coma_cli.words import tokens

# An answer of fewer tokens is often rightly the same for different questions ("yes", "print(x)").
MIN_ANSWER_TOKENS = 20


class ExactDuplicates:
    """Remembers rows by 8-byte digests of what they ask and answer."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}

    def twin_of(self, example: Example) -> str | None:
        """The id of an earlier row that this one repeats; else None, and the row is remembered."""
        keys = content_keys(example)
        for key in keys:
            if key in self._first:
                return self._first[key]
        for key in keys:
            self._first[key] = example.id
        return None


def unique(examples: Iterable[Example], on_drop: OnDrop, seen: ExactDuplicates | None = None) -> Iterator[Example]:
    """The rows without repetitions; `seen` carries what earlier calls have met."""
    seen = seen or ExactDuplicates()
    for example in examples:
        twin = seen.twin_of(example)
        if twin is None:
            yield example
        else:
            on_drop(dropped(example, "duplicate", f"of {twin}"))


def content_keys(example: Example) -> tuple[bytes, ...]:
    """Digests of the question and, if it is long enough, of the answer. A task's own wording does not count.

    Rows whose texts are in different languages ask different things, though the code may be the same.
    """
    kind = f"{example.task}|{example.text_language}"
    task = TASKS.get(example.task)
    worded = task is not None and task.asks_by_input and example.input
    question = example.input if worded else f"{example.instruction}\n{example.input}"
    keys = [_digest("question", kind, tokens(question))]
    answer = tokens(example.output)
    if len(answer) >= MIN_ANSWER_TOKENS:
        keys.append(_digest("answer", kind, answer))
    return tuple(keys)


def _digest(part: str, kind: str, content: list[str]) -> bytes:
    text = "\x00".join((part, kind, " ".join(content)))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
