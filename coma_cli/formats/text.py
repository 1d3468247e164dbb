"""Values of rows as text: line ends, names of files, and what an optional column such as `input` holds."""

import math
import os
from typing import Any

_WHOLE_FLOATS = 2**53  # up to here every whole number has a float of its own


def unix_lines(text: str) -> str:
    """Text with CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def unify(text: str) -> str:
    """A text as other systems write it in the way of this one: LF as line ends, no byte order mark."""
    return unix_lines(text).removeprefix("\ufeff")


def readable_name(name: str) -> str:
    r"""The name of a file as text that any reader of rows takes: bytes that are not UTF-8 are written as `\xe4`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def optional_text(value: Any) -> str | None:
    """The text in a column that may be empty; None if the value is not text.

    Null, NaN (what data frames write for null), false and empty containers are an empty text. A number is a value,
    zero too; a whole one is written without a point, since a column with gaps turns integers into floats.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) <= _WHOLE_FLOATS
        return "" if math.isnan(value) else str(int(value)) if whole else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if value else ""
