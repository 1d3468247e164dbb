"""What the columns of a row are: the layouts that people have instruction data in, told row by row.

Pairs of columns (alpaca, prompt and completion, question and answer), `messages` with roles, ShareGPT's
`conversations`, and CoMA's `conversation` of human and assistant. Columns of any other name can be mapped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from coma_cli.formats.text import optional_text
from coma_cli.jsonl import JsonRow

UNKNOWN = "unknown columns"
PARTS = ("instruction", "input", "output", "system", "messages")  # what a column can be mapped to
# Columns that ask and answer, the usual ones first: a row that has several pairs is read by the first.
# `gen_code` is CodeCapybara's generated answer, `text` and `code` are MBPP's columns.
PAIRS = (
    ("instruction", "output"), ("instruction", "response"), ("instruction", "completion"), ("instruction", "answer"),
    ("instruction", "gen_code"), ("prompt", "completion"), ("prompt", "response"), ("prompt", "output"),
    ("prompt", "answer"), ("question", "answer"), ("question", "response"), ("query", "response"), ("query", "answer"),
    ("problem", "solution"), ("text", "code"),
)  # fmt: skip
_GIVEN = ("input", "context")
CONVERSATIONS = ("messages", "conversations", "conversation")
_ROLES = {
    "system": "system", "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant",
}  # fmt: skip


class Turn(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class FittedRow:
    """The texts of a row, whatever its columns were; `layout` says which they were.

    `earlier` are the turns before the last one, and `system` is a text before all of them.
    """

    layout: str
    instruction: str
    output: str
    input: str = ""
    system: str = ""
    earlier: tuple[Turn, ...] = ()


class UnusableRow(NamedTuple):
    """Why a row can't be trained on."""

    reason: str


class _Message(NamedTuple):
    role: str
    text: str


def fit_row(row: JsonRow, columns: Mapping[str, str]) -> FittedRow | UnusableRow:
    """A row by its columns; `columns` maps instruction, input, output, system or messages to the names used here."""
    if columns:
        return _mapped(row, columns)
    for name in CONVERSATIONS:
        if isinstance(row.get(name), list):
            return _conversation(row[name], name)
    for asked, answered in PAIRS:
        if asked in row and answered in row:
            if isinstance(row[asked], list) and isinstance(row[answered], list):
                return _conversation([*row[asked], *row[answered]], f"{asked}, {answered} (messages)")
            return _pair(row, asked, answered)
    return UnusableRow(UNKNOWN)


def columns_of(row: JsonRow) -> str:
    """The names of a row's columns, for messages."""
    return ", ".join(map(str, row)) or "none"


def _mapped(row: JsonRow, columns: Mapping[str, str]) -> FittedRow | UnusableRow:
    if missing := [name for part, name in columns.items() if name not in row and part not in ("input", "system")]:
        return UnusableRow(f"no column {', '.join(missing)}")
    if "messages" in columns:
        value = row[columns["messages"]]
        if not isinstance(value, list):
            return UnusableRow(f"{columns['messages']} is not a list of messages")
        return _conversation(value, columns["messages"])
    given, system = columns.get("input", "input"), columns.get("system", "system")
    return _pair(row, columns.get("instruction", "instruction"), columns.get("output", "output"), given, system)


def _pair(row: JsonRow, asked: str, answered: str, given: str = "", system: str = "system") -> FittedRow | UnusableRow:
    """A row with a column that asks and one that answers; alpaca rows may have earlier turns in `history`."""
    instruction, output = row.get(asked), row.get(answered)
    given = given or next((name for name in _GIVEN if name in row), "")
    added, said = optional_text(row.get(given)), optional_text(row.get(system))
    if not isinstance(instruction, str) or not isinstance(output, str) or added is None:
        return UnusableRow("no instruction or output")
    earlier = _history(row.get("history"))
    if earlier is None:
        return UnusableRow("history that is not pairs of question and answer")
    named = ", ".join(filter(None, (asked, given if given in row else "", answered)))
    return FittedRow(named, instruction, output, added, said or "", earlier)


def _history(value: Any) -> tuple[Turn, ...] | None:
    """Earlier turns as alpaca rows of several tools have them: pairs of question and answer."""
    if not value:
        return ()
    if not isinstance(value, list):
        return None
    pairs = [pair for pair in value if isinstance(pair, list) and len(pair) == 2 and all(map(_is_said, pair))]
    return tuple(Turn(*pair) for pair in pairs) if len(pairs) == len(value) else None


def _is_said(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _conversation(messages: Iterable[Any], layout: str) -> FittedRow | UnusableRow:
    said: list[_Message] = []
    for message in messages:
        read = _messages_of(message)
        if isinstance(read, UnusableRow):
            return read
        said += read
    system = said.pop(0).text if said and said[0].role == "system" else ""
    turns = _turns(said)
    if isinstance(turns, UnusableRow):
        return turns
    return FittedRow(layout, turns[-1].question, turns[-1].answer, "", system, tuple(turns[:-1]))


def _messages_of(message: Any) -> list[_Message] | UnusableRow:
    """What one element of a conversation says: a message, or CoMA's pair of human and assistant."""
    if not isinstance(message, Mapping):
        return UnusableRow("a message that is not an object")
    if "human" in message and "assistant" in message:
        texts = [_text_of(message["human"]), _text_of(message["assistant"])]
        roles = ["user", "assistant"]
    else:
        named = str(message.get("role", message.get("from")))
        texts, roles = [_text_of(message.get("content", message.get("value")))], [_ROLES.get(named.lower(), "")]
        if not roles[0]:
            return UnusableRow(f"a message of role {named}")
    if None in texts:
        return UnusableRow("a message that is not text")
    return [_Message(role, text or "") for role, text in zip(roles, texts, strict=True)]


def _text_of(content: Any) -> str | None:
    """The text of a message; a list of parts counts if all of them are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        return "".join(str(part.get("text", "")) for part in content)
    return None


def _turns(messages: list[_Message]) -> list[Turn] | UnusableRow:
    """Questions with their answers.

    What an assistant says before the first question is skipped, as ShareGPT's readers do, and so is a last question
    without an answer.
    """
    turns: list[Turn] = []
    question: str | None = None
    for role, text in messages:
        if role == "system":
            return UnusableRow("a system message after the first message")
        if role == "user":
            if question is not None:
                return UnusableRow("two questions in a row")
            question = text
        elif question is not None:
            if not text.strip():
                return UnusableRow("empty answer")
            turns.append(Turn(question, text))
            question = None
        elif turns:
            return UnusableRow("two answers in a row")
    return turns or UnusableRow("no answer")
