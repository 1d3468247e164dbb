"""What came of each round, a row per answer: `round1.jsonl` and `round2.jsonl`, kept and refused answers alike."""

from collections.abc import Iterable, Iterator
from typing import Literal

from coma_cli.instructions.rounds import Item, ItemDraft, ItemKind
from coma_cli.records import Origin, Record


class RoundRow(Record):
    """One answer of a round: the text found in it, or the reason to refuse it; `answer` is the hash of its request."""

    id: str
    language: str
    origin: Origin
    state: Literal["kept", "refused"]
    text: str | None
    reason: str = ""
    detail: str = ""
    answer: str

    @property
    def key(self) -> str:
        return self.id


def file_of_round(number: int) -> str:
    """The file of a round (0, 1, ...)."""
    return f"round{number + 1}.jsonl"


def round_rows(kind: ItemKind[Item], drafts: Iterable[ItemDraft[Item]], number: int) -> Iterator[RoundRow]:
    """The rows of a round (0, 1, ...) in the order of their keys; items that never came to it have none."""
    there = [draft for draft in drafts if draft.settled and len(draft.answers) > number]
    for draft in sorted(there, key=lambda draft: draft.item.id):
        refused = draft.refused if number == len(draft.answers) - 1 else None
        yield RoundRow(
            id=draft.item.id,
            language=draft.item.language,
            origin=draft.item.origin,
            state="kept" if refused is None else "refused",
            text=draft.text(number),
            reason=refused.reason if refused else "",
            detail=refused.detail if refused else "",
            answer=draft.answers[number],
        )
