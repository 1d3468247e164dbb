"""Items that rows are made from, on their way through rounds of requests, and the queue of requests to make.

An item's next request follows its answer at once and goes before new items, so that a run that is stopped half-way has
many finished rows and few unfinished ones. What becomes of an item depends only on its answers, not on their order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions.parsing import Refused, Taken
from coma_cli.instructions.settings import GenSettings
from coma_cli.records import DroppedRow, Example, Origin


class Identified(Protocol):
    """Anything with an id that is unique in its run, a programming language, and an origin."""

    @property
    def id(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def origin(self) -> Origin: ...


Item = TypeVar("Item", bound=Identified)


@dataclass(frozen=True)
class ItemDraft(Generic[Item]):
    """The progress of an item. It ends accepted, refused for a reason, or with a failed call.

    `texts` are the texts of its answers, one per round, including the last one if a filter refused it. `answers` are
    the hashes of the requests that were made.
    """

    item: Item
    state: Literal["open", "accepted", "refused", "failed"] = "open"
    texts: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    refused: Refused | None = None
    failure: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be requested, now or in a later start."""
        return self.state in ("accepted", "refused")

    def text(self, round_: int) -> str | None:
        """The text of a round (0, 1, ...), None if it has none."""
        return self.texts[round_] if round_ < len(self.texts) else None


@dataclass(frozen=True)
class RoundSpec(Generic[Item]):
    """One round: the request for an item, given the texts of earlier rounds; the text in its answer, and its flaw."""

    request: Callable[[Item, Sequence[str], GenSettings], GenerationRequest]
    read: Callable[[Item, GenerationResponse], Taken | Refused]
    flaw: Callable[[Item, str, GenSettings], Refused | None]


@dataclass(frozen=True)
class ItemKind(Generic[Item]):
    """A kind of items: their name in the plural, their rounds, and the rows that drafts of them become."""

    name: str
    rounds: tuple[RoundSpec[Item], ...]
    example: Callable[[ItemDraft[Item], GenSettings], Example]
    dropped: Callable[[ItemDraft[Item], Refused], DroppedRow]

    def request(self, draft: ItemDraft[Item], settings: GenSettings) -> GenerationRequest:
        """The next request for an open draft."""
        return self.rounds[len(draft.texts)].request(draft.item, draft.texts, settings)

    def advanced(self, draft: ItemDraft[Item], response: GenerationResponse, settings: GenSettings) -> ItemDraft[Item]:
        """An open draft after the response to its request."""
        if response.finish_reason == "error" and not response.permanent:
            return replace(draft, state="failed", failure=response.error)
        current = self.rounds[len(draft.texts)]
        found = current.read(draft.item, response)
        if isinstance(found, Refused):
            return replace(draft, state="refused", refused=found)
        texts = (*draft.texts, found.text)
        flaw = current.flaw(draft.item, found.text, settings)
        if flaw is not None:
            return replace(draft, state="refused", texts=texts, refused=flaw)
        return replace(draft, state="accepted" if len(texts) == len(self.rounds) else "open", texts=texts)


class Rounds(Generic[Item]):
    """All drafts of a run by their items' ids, and a queue of requests that grows with the answers."""

    def __init__(
        self, kind: ItemKind[Item], items: Sequence[Item], settings: GenSettings, server: str | None = None
    ) -> None:
        """`server` is what identifies answers beside the model's name; None: what the settings say."""
        self.kind = kind
        self._server = settings.server if server is None else server
        self.drafts: dict[str, ItemDraft[Item]] = {}
        self._settings = settings
        self._fresh: deque[str] = deque()
        self._following: deque[str] = deque()
        self._in_flight: dict[str, str] = {}  # key of the request -> id of the item
        self.add(items)

    def add(self, items: Iterable[Item]) -> None:
        """Take more items, after those that are there."""
        for item in items:
            self.drafts[item.id] = ItemDraft(item)
            self._fresh.append(item.id)

    @property
    def pending(self) -> bool:
        """Whether there are requests to make now."""
        return bool(self._fresh or self._following)

    def requests(self) -> Iterator[GenerationRequest]:
        """The requests that can be made now; more may follow from their answers."""
        while self.pending:
            name = self._following.popleft() if self._following else self._fresh.popleft()
            draft = self.drafts[name]
            request = self.kind.request(draft, self._settings)
            answer = request_sha256(content_of(request, self._settings.model, self._server))
            self.drafts[name] = replace(draft, answers=(*draft.answers, answer))
            self._in_flight[request.key] = name
            yield request

    def take(self, response: GenerationResponse) -> ItemDraft[Item]:
        """Advance a draft by the response to its request; the draft as it is now."""
        name = self._in_flight.pop(response.key)
        draft = self.kind.advanced(self.drafts[name], response, self._settings)
        self.drafts[name] = draft
        if draft.state == "open":
            self._following.append(name)
        return draft
