"""The token limits of an answer with a reasoning part: one for the part, one for what follows it.

A reasoning model writes its reasoning between two tags before it answers; some chat templates write the opening tag
themselves. Without a limit of its own the part would use up the answer's tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_WINDOW = 16  # tokens of the tail in which a closing tag is searched, more than any tag has


@dataclass(frozen=True)
class ReasoningLimit:
    """At most `max_tokens` between tags; `closing_of` gives the closing tag of each opening one.

    `opened` is the opening tag with which the prompt ends, "" if the answer has to bring it.
    """

    max_tokens: int
    closing_of: Mapping[str, str] = field(hash=False)
    opened: str = ""


class AnswerLimit:
    """Counts the tokens of one answer. `decode` returns the text of completion tokens from `start` on."""

    def __init__(
        self,
        max_new_tokens: int,
        room: int,
        reasoning: ReasoningLimit | None,
        decode: Callable[[Sequence[int], int], str],
    ) -> None:
        self._max_new_tokens = max_new_tokens
        self._reasoning = reasoning
        self._decode = decode
        self._closing: str | None = reasoning.closing_of[reasoning.opened] if reasoning and reasoning.opened else None
        self._undecided = reasoning is not None and not reasoning.opened
        self._begins_a_tag = False
        self._room = room
        self.answer_start = 0

    @property
    def most(self) -> int:
        """The tokens that the whole completion may have."""
        part = self._reasoning.max_tokens if self._reasoning is not None else 0
        return min(self._room, part + self._max_new_tokens)

    @property
    def reasons(self) -> bool:
        """Whether the answer is within its reasoning part."""
        return self._closing is not None

    def reached(self, drawn: Sequence[int]) -> bool:
        """Whether the answer, with the token just drawn, is at a limit; to be called once for every token."""
        if self._undecided:
            self._decide(drawn)
        if self._closing is not None:
            self._close(drawn, self._closing)
        if len(drawn) >= self._room:
            return True
        if self._begins_a_tag:
            return False
        if self._closing is not None and self._reasoning is not None:
            return len(drawn) >= self._reasoning.max_tokens
        return len(drawn) - self.answer_start >= self._max_new_tokens

    def _decide(self, drawn: Sequence[int]) -> None:
        """See whether the answer begins with an opening tag; a piece of one is not decisive, and no limit cuts it."""
        assert self._reasoning is not None
        begun = self._decode(drawn, 0).lstrip().lower()
        known = {opening.lower(): closing for opening, closing in self._reasoning.closing_of.items()}
        # Of two tags that begin alike, the longer one.
        found = max((opening for opening in known if begun.startswith(opening)), key=len, default=None)
        if found is not None:
            self._closing = known[found]
        self._begins_a_tag = found is None and bool(begun) and any(opening.startswith(begun) for opening in known)
        self._undecided = not begun or self._begins_a_tag

    def _close(self, drawn: Sequence[int], closing: str) -> None:
        tail = self._decode(drawn, max(0, len(drawn) - _WINDOW))
        if closing.lower() in tail.lower():
            self._closing, self.answer_start = None, len(drawn)
