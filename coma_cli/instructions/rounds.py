"""Items that rows are made from, on their way through rounds of requests, and the queue of requests to make.

An item's next request follows its answer at once and goes before new items, so that a run that is stopped half-way has
many finished rows and few unfinished ones. What becomes of an item depends only on its answers, not on their order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from coma_cli.engines.answers import request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.instructions.parsing import Refused, Taken
from coma_cli.instructions.proving.levels import Proof
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
    the hashes of the requests that were made. `proof` is what was found of its program, once that was run; `program`
    says which of several programs for one instruction it is, from 1.
    """

    item: Item
    state: Literal["open", "accepted", "refused", "failed"] = "open"
    texts: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    refused: Refused | None = None
    failure: str = ""
    proof: Proof | None = None
    program: int = 1

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
class GroupSpec(Generic[Item]):
    """The first round for several items in one request, and the texts in its answer by the items' ids.

    An item of which the answer has no text that is clearly its own is requested again alone.
    """

    request: Callable[[Sequence[Item], GenSettings], GenerationRequest]
    read: Callable[[Sequence[Item], GenerationResponse], Mapping[str, Taken]]


@dataclass(frozen=True)
class ItemKind(Generic[Item]):
    """A kind of items: their name in the plural, their rounds, and the rows that drafts of them become."""

    name: str
    rounds: tuple[RoundSpec[Item], ...]
    example: Callable[[ItemDraft[Item], GenSettings], Example]
    dropped: Callable[[ItemDraft[Item], Refused], DroppedRow]
    group: GroupSpec[Item] | None = None

    def request(self, draft: ItemDraft[Item], settings: GenSettings) -> GenerationRequest:
        """The next request for an open draft."""
        return self.rounds[len(draft.texts)].request(draft.item, draft.texts, settings)

    def advanced(self, draft: ItemDraft[Item], response: GenerationResponse, settings: GenSettings) -> ItemDraft[Item]:
        """An open draft after the response to its request."""
        if response.finish_reason == "error" and not response.permanent:
            return replace(draft, state="failed", failure=response.error)
        return self.settled(draft, self.rounds[len(draft.texts)].read(draft.item, response), settings)

    def settled(self, draft: ItemDraft[Item], found: Taken | Refused, settings: GenSettings) -> ItemDraft[Item]:
        """An open draft after what was found for it in an answer."""
        current = self.rounds[len(draft.texts)]
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
        self.server = settings.server if server is None else server
        self.drafts: dict[str, ItemDraft[Item]] = {}
        self._settings = settings
        self._fresh: deque[str] = deque()
        self._following: deque[str] = deque()
        self._alone: deque[str] = deque()  # of a group whose answer lacks them
        self._in_flight: dict[str, tuple[str, ...]] = {}  # key of the request -> ids of the items
        self.add(items)

    def add(self, items: Iterable[Item]) -> None:
        """Take more items, after those that are there."""
        for item in items:
            self.drafts[item.id] = ItemDraft(item)
            self._fresh.append(item.id)

    @property
    def pending(self) -> bool:
        """Whether there are requests to make now."""
        return bool(self._fresh or self._following or self._alone)

    def requests(self) -> Iterator[GenerationRequest]:
        """The requests that can be made now; more may follow from their answers."""
        while self.pending:
            names = self._next()
            drafts = [self.drafts[name] for name in names]
            if len(drafts) == 1:
                request = self.kind.request(drafts[0], self._settings)
            else:
                assert self.kind.group is not None
                request = self.kind.group.request([draft.item for draft in drafts], self._settings)
            answer = request_sha256(content_of(request, self._settings.model, self.server))
            for name, draft in zip(names, drafts, strict=True):
                self.drafts[name] = replace(draft, answers=(*draft.answers, answer))
            self._in_flight[request.key] = names
            yield request

    def _next(self) -> tuple[str, ...]:
        """The items of the next request: one that had an answer before, else new ones."""
        for waiting in (self._following, self._alone):
            if waiting:
                return (waiting.popleft(),)
        size = self._settings.functions_per_request if self.kind.group is not None else 1
        return tuple(self._fresh.popleft() for _ in range(min(size, len(self._fresh))))

    def take(self, response: GenerationResponse) -> tuple[ItemDraft[Item], ...]:
        """Advance the drafts that a response is for; the drafts as they are now."""
        names = self._in_flight.pop(response.key)
        if response.answer:
            for name in names:
                draft = self.drafts[name]
                self.drafts[name] = replace(draft, answers=(*draft.answers[:-1], response.answer))
        if len(names) == 1:
            return (self._put(self.kind.advanced(self.drafts[names[0]], response, self._settings)),)
        return tuple(self._put(draft) for draft in self._of_group(names, response))

    def _of_group(self, names: Sequence[str], response: GenerationResponse) -> Iterator[ItemDraft[Item]]:
        assert self.kind.group is not None
        drafts = [self.drafts[name] for name in names]
        failed = response.finish_reason == "error" and not response.permanent
        found = {} if failed else self.kind.group.read([draft.item for draft in drafts], response)
        for name, draft in zip(names, drafts, strict=True):
            if failed:
                yield replace(draft, state="failed", failure=response.error)
            elif name in found:
                yield self.kind.settled(draft, found[name], self._settings)
            else:
                self._alone.append(name)
                yield replace(draft, answers=())

    def _put(self, draft: ItemDraft[Item]) -> ItemDraft[Item]:
        self.drafts[draft.item.id] = draft
        if draft.state == "open" and draft.texts:
            self._following.append(draft.item.id)
        return draft
