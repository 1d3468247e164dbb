"""The values of a JSON array one after the other, so that an array of any size is read in little memory."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

CHUNK_BYTES = 1 << 20
_WHITESPACE = re.compile(r"[ \t\n\r]*")


class _Text:
    """The text of the file as far as it has been read; `at` is the place that has been come to."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._chunk = CHUNK_BYTES
        self.text = ""
        self.at = 0
        self.whole = False

    def more(self) -> None:
        """Forget what lies behind, and read on; each time twice as far while one value does not end."""
        data = self._read(self._chunk)
        self.whole = not data
        self._chunk = min(self._chunk * 2, 1 << 28) if self.at == 0 else CHUNK_BYTES
        self.text = self.text[self.at :] + self._decoder.decode(data, final=self.whole)
        self.at = 0

    def sign(self) -> str:
        """The next sign that is not blank, or nothing at the end; `at` is its place."""
        while True:
            match = _WHITESPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text) or self.whole:
                return self.text[self.at : self.at + 1]
            self.more()


def array_values(read: Callable[[int], bytes]) -> Iterator[Any]:
    """The values of the array in a UTF-8 file, with or without a byte order mark; `read(n)` gives its next n bytes.

    Raises:
        UnicodeDecodeError: it is not UTF-8. ValueError, RecursionError: it is no array, or none that is whole.
    """
    text = _Text(read)
    if text.sign() != "[":
        raise ValueError("it does not begin with a bracket")
    text.at += 1
    follows = text.sign()
    if follows == "]":
        text.at += 1
    while follows != "]":
        yield _value(text)
        follows = text.sign()
        if follows not in (",", "]") or not follows:
            raise ValueError(f"{follows!r} follows a value" if follows else "the array is not closed")
        text.at += 1
    if text.sign():
        raise ValueError("there is more after the array")


def _value(text: _Text) -> Any:
    decode = json.JSONDecoder().raw_decode
    text.sign()
    while True:
        try:
            value, end = decode(text.text, text.at)
        except ValueError:
            if text.whole:
                raise
        else:
            if end < len(text.text) or text.whole:  # a number may go on behind the end of what was read
                text.at = end
                return value
        text.more()
