"""Pickles of plain values: numbers, strings, tuples, lists, dicts and sets. Classes are never loaded.

A pickle is a program for a small virtual machine, dangerous because it can look up and call anything. Here every
lookup is refused, whichever opcode makes it, so such a file is an error before anything is called. The unpickler
written in Python is used: the one in C allocates gigabytes for eight bytes that store at a high memo index.
"""

import io
import pickle
import struct
from typing import Any, NoReturn

from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.files import unpacked

_NEVER = "A pickle that loads a class can run code, so coma refuses it; download the file from its publisher."
# What a malformed or malicious stream makes the unpickler raise.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    struct.error,
    OverflowError,
    MemoryError,
    RecursionError,
)


class ForbiddenClassError(pickle.UnpicklingError):
    """The pickle refers to a class, a function or an external object."""


class _PlainUnpickler(pickle._Unpickler):
    """An unpickler without classes. Python 2 strings are returned as bytes, so that their encoding can be detected."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")

    def find_class(self, module: str, name: str, /) -> NoReturn:
        raise ForbiddenClassError(f"it refers to {module}.{name}")

    def get_extension(self, code: int) -> NoReturn:
        """Refuse classes registered under an extension code, whose cache bypasses `find_class`."""
        raise ForbiddenClassError(f"it refers to the class with extension code {code}")

    def persistent_load(self, pid: Any, /) -> NoReturn:
        raise ForbiddenClassError(f"it refers to the external object {pid!r:.80}")


def load_plain(file: DataFile) -> Any:
    """The value in a pickle file, plain or compressed; `bytes` for the byte strings of Python 2.

    Raises:
        BrokenSourceError: the pickle refers to a class, or is truncated or malformed.
    """
    with unpacked(file) as handle:
        content = handle.read()
    try:
        return _PlainUnpickler(content).load()
    except ForbiddenClassError as error:
        raise BrokenSourceError(f"{file} is not a plain pickle: {error}.", _NEVER) from error
    except _BROKEN as error:
        reason = str(error)[:120] or type(error).__name__
        raise BrokenSourceError(f"{file} is truncated or malformed: {reason}.", "Download it again.") from error


def as_text(value: Any) -> str | None:
    """A value of such a pickle as a string: bytes are decoded as UTF-8, else as Latin-1; None for other types."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")
    return value if isinstance(value, str) else None
