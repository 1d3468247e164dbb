"""Detects a stop text in a completion while it is being sampled.

A stop text may begin and end anywhere inside tokens, so the decoded text is searched. Decoding the whole completion at
every token would take quadratic time: a window of the last tokens is checked first, the whole text only after a hit.
"""

from collections.abc import Callable, Sequence

# Tokens in addition to the stop text's bytes: the first ones in a window may decode differently than in context.
MARGIN_TOKENS = 8


class StopTexts:
    """The stop texts of one request; `decode` returns the text of completion tokens from `start` on.

    `found` is the one that ended the completion, "" as long as there is none.
    """

    def __init__(self, texts: Sequence[str], decode: Callable[[Sequence[int], int], str]) -> None:
        self._texts = tuple(text for text in texts if text)
        self._decode = decode
        self.found = ""
        self._window = max((len(text.encode()) for text in self._texts), default=0) + MARGIN_TOKENS

    def cut(self, token_ids: Sequence[int], start: int = 0) -> str | None:
        """The completion before its first stop text, or None if there is none yet; searched from token `start` on."""
        if not self._texts:
            return None
        tail = self._decode(token_ids, max(start, len(token_ids) - self._window))
        if not any(text in tail for text in self._texts):
            return None
        whole = self._decode(token_ids, start)
        ends = [(place, text) for text in self._texts if (place := whole.find(text)) >= 0]
        if not ends:
            return None
        end, self.found = min(ends)
        before = self._decode(token_ids[:start], 0) if start else ""
        return before + whole[:end]
