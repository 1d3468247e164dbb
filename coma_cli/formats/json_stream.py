"""JSON values one after the other, out of an array or simply in a row: a file of any size takes little memory."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from coma_cli.words import shortened

CHUNK_BYTES = 1 << 20
_LARGEST_CHUNK = 1 << 28
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_DECODE = json.JSONDecoder().raw_decode
# What may come between a number and the end of what was read when the number goes on behind it.
_PART_OF_NUMBER = re.compile(r"[.eE]?[+-]?")
_OPEN_STRING = "Unterminated string"  # how `json` begins to say so
# An error this close to the end of what was read may only mean that a number or a word goes on behind it.
_LONGEST_WORD = 16


class BrokenJsonError(ValueError):
    """The file's content is not JSON, or not all of it; `line` (from 1) is where."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"{reason} (line {line})")
        self.reason = reason
        self.line = line


class JsonStream:
    """The text of a UTF-8 file as far as it has been read.

    `read(n)` gives its next n bytes. A byte order mark is skipped; lone surrogates are let in, as in lines of JSON.
    """

    def __init__(self, read: Callable[[int], bytes], chunk_bytes: int = CHUNK_BYTES) -> None:
        self._read = read
        self._chunk_bytes = chunk_bytes
        self._chunk = chunk_bytes
        self._undecoded = b""
        self._begun = False
        self._lines = 0  # that end before the place `_counted`
        self._counted = 0
        self._text = ""
        self._at = 0
        self._whole = False

    @property
    def line(self) -> int:
        """The number of the line that has been reached."""
        self._lines += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return 1 + self._lines

    def peek(self) -> str:
        """The next character that is not whitespace, or nothing at the end.

        Raises:
            UnicodeDecodeError: the file is not UTF-8.
        """
        while True:
            match = _WHITESPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._whole:
                return self._text[self._at : self._at + 1]
            self._more()

    def skip(self) -> None:
        """Pass the character that `peek` gave."""
        self._at += 1

    def value(self) -> Any:
        """The next value, whole.

        Raises:
            BrokenJsonError: there is none. UnicodeDecodeError: the file is not UTF-8.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODE(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._whole or not self._may_go_on(error):
                    raise self._broken(error) from None
            except RecursionError:
                raise BrokenJsonError("it is nested too deeply", self.line) from None
            except ValueError as error:  # a number of thousands of digits
                raise BrokenJsonError(shortened(str(error), 120), self.line) from None
            else:
                if self._whole or not _PART_OF_NUMBER.fullmatch(self._text, end):
                    self._at = end
                    return value
            self._more()

    def _broken(self, error: json.JSONDecodeError) -> BrokenJsonError:
        cut = error.msg.startswith(_OPEN_STRING) or not self._text[error.pos :].strip()
        return BrokenJsonError(
            "it ends within a value" if cut else error.msg, self.line + self._text.count("\n", self._at, error.pos)
        )

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether the rest of the file could make sense of a value: it fails at the end of what was read."""
        return error.msg.startswith(_OPEN_STRING) or error.pos >= len(self._text) - _LONGEST_WORD

    def _more(self) -> None:
        """Forget what lies behind, and read on; each time twice as far while one value does not end."""
        data = self._read(self._chunk)
        self._whole = not data
        self._chunk = min(self._chunk * 2, _LARGEST_CHUNK) if self._at == 0 else self._chunk_bytes
        self._lines += self._text.count("\n", self._counted, self._at)
        self._text = self._text[self._at :] + self._decoded(data)
        self._at = self._counted = 0

    def _decoded(self, data: bytes) -> str:
        """What whole characters there are; the bytes of one that is cut wait for the next read."""
        data = self._undecoded + data
        if not self._begun and (len(data) >= len(codecs.BOM_UTF8) or self._whole):
            self._begun = True
            data = data.removeprefix(codecs.BOM_UTF8)
        end = len(data) if self._whole else _end_of_characters(data) if self._begun else 0
        self._undecoded = data[end:]
        return data[:end].decode("utf-8", "surrogatepass")


def _end_of_characters(data: bytes) -> int:
    """Where the last character of UTF-8 that may be cut begins; at most three bytes before the end."""
    for place in range(len(data) - 1, max(-1, len(data) - 4), -1):
        if data[place] >= 0xC0:
            return place
        if data[place] < 0x80:
            break
    return len(data)


def array_values(read: Callable[[int], bytes], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Any]:
    """The values of the array in a UTF-8 file, with or without a byte order mark; `read(n)` gives its next n bytes.

    Raises:
        UnicodeDecodeError: it is not UTF-8. BrokenJsonError: it is not an array, or not a complete one.
    """
    text = JsonStream(read, chunk_bytes)
    if text.peek() != "[":
        raise BrokenJsonError("it does not begin with a bracket", text.line)
    text.skip()
    follows = text.peek()
    if follows == "]":
        text.skip()
    while follows != "]":
        yield text.value()
        follows = text.peek()
        if follows not in (",", "]") or not follows:
            reason = f"{follows!r} follows a value" if follows else "the array is not closed"
            raise BrokenJsonError(reason, text.line)
        text.skip()
    if text.peek():
        raise BrokenJsonError("there is more after the array", text.line)


def values_in_a_row(read: Callable[[int], bytes], chunk_bytes: int = CHUNK_BYTES) -> Iterator[tuple[int, Any]]:
    """Line number (from 1) and value of each JSON value of a file that simply holds one after the other.

    Raises:
        UnicodeDecodeError: it is not UTF-8. BrokenJsonError: something else is between them, or the last is truncated.
    """
    text = JsonStream(read, chunk_bytes)
    while text.peek():
        line = text.line
        yield line, text.value()
