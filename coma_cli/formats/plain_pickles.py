"""Pickles of plain values: numbers, texts, tuples, lists, dicts and sets. Nothing in the file can name a class.

A pickle is a program for a small machine, and what makes it dangerous is that it may look up and call anything. Here
every look-up is refused, whichever opcode asks for it, so a file of that kind is an error before anything is called.
The machine written in Python is used: the one in C takes gigabytes for eight bytes that store at a high number.
"""

import io
import pickle
import struct
from typing import Any, NoReturn

from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.files import unpacked

_NEVER = "A pickle that asks for a class can run code, so coma opens none; fetch the file from its publisher."
# What a broken or hostile stream makes the machine raise.
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
    """The file asks for a class, a function or an object from outside of it."""


class _PlainUnpickler(pickle._Unpickler):
    """An unpickler without any class. Texts of Python 2 come as bytes, so that their encoding can be told."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")

    def find_class(self, module: str, name: str, /) -> NoReturn:
        raise ForbiddenClassError(f"it asks for {module}.{name}")

    def get_extension(self, code: int) -> NoReturn:
        """Refuse classes that were registered under a number, which may be cached past `find_class`."""
        raise ForbiddenClassError(f"it asks for the class of number {code}")

    def persistent_load(self, pid: Any, /) -> NoReturn:
        raise ForbiddenClassError(f"it asks for the outside object {pid!r:.80}")


def load_plain(file: DataFile) -> Any:
    """The value in a pickle file, plain or packed; `bytes` where Python 2 had its plain texts.

    Raises:
        BrokenSourceError: it asks for a class, or is no whole pickle.
    """
    with unpacked(file) as handle:
        content = handle.read()
    try:
        return _PlainUnpickler(content).load()
    except ForbiddenClassError as error:
        raise BrokenSourceError(f"{file} is no plain pickle: {error}.", _NEVER) from error
    except _BROKEN as error:
        reason = str(error)[:120] or type(error).__name__
        raise BrokenSourceError(f"{file} is no whole pickle: {reason}.", "Fetch it again.") from error


def as_text(value: Any) -> str | None:
    """The text that a value of such a pickle is: UTF-8 or else Latin-1 where Python 2 wrote bytes; None for others."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")
    return value if isinstance(value, str) else None
