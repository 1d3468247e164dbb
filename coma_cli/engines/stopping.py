"""Notices a stop text among the tokens of a completion while it is being drawn.

A stop text may begin and end anywhere inside tokens, so it is looked for in text. Decoding all of a completion at every
token would cost the square of its length: a window of the last tokens decides whether to look closer, and the whole
text has the last word.
"""

from collections.abc import Callable, Sequence

# Tokens beyond the stop text's own bytes: the first ones of a window can decode otherwise than in their place.
MARGIN_TOKENS = 8


class StopTexts:
    """The stop texts of one request; `decode` gives the text of completion tokens, those from `start` on."""

    def __init__(self, texts: Sequence[str], decode: Callable[[Sequence[int], int], str]) -> None:
        self._texts = tuple(text for text in texts if text)
        self._decode = decode
        self._window = max((len(text.encode()) for text in self._texts), default=0) + MARGIN_TOKENS

    def cut(self, token_ids: Sequence[int]) -> str | None:
        """The completion before its first stop text, or None while there is none."""
        if not self._texts:
            return None
        tail = self._decode(token_ids, max(0, len(token_ids) - self._window))
        if not any(text in tail for text in self._texts):
            return None
        whole = self._decode(token_ids, 0)
        ends = [place for text in self._texts if (place := whole.find(text)) >= 0]
        return whole[: min(ends)] if ends else None
