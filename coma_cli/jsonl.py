r"""Rows in coma's own files: one JSON object a line, UTF-8, ended by a newline; written whole or appended.

Files of other people, in whatever form, are read by `formats/row_files.py`.

Lines are split at "\n" only (other separators occur inside rows). A last line without its newline is torn: the
process that wrote it died, so the line is truncated and its row made again. Other broken lines are reported with file
and line number and skipped.
"""

import codecs
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from coma_cli.errors import MissingInputError
from coma_cli.words import shortened

JsonRow = dict[str, Any]
_TAIL_BLOCK = 1 << 16
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF16 = "this is UTF-16; iconv -f UTF-16 -t UTF-8 makes what is read here"


@dataclass(frozen=True)
class CorruptLine:
    """A line that is not a JSON object: where it is and why it can't be read."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


# `json.dumps` would make a new encoder for each row.
_READABLE, _ESCAPED = json.JSONEncoder(ensure_ascii=False), json.JSONEncoder(ensure_ascii=True)


def encode_row(row: Mapping[str, Any]) -> bytes:
    """One row as the bytes of its line; text stays readable unless it holds lone surrogates, which are escaped."""
    try:
        line = _READABLE.encode(row).encode("utf-8")
    except UnicodeEncodeError:
        line = _ESCAPED.encode(row).encode("ascii")
    return line + b"\n"


class SpannedLine(NamedTuple):
    """The line of a row, and the span of bytes from `start` to `end` that holds some of its fields."""

    line: bytes
    start: int
    end: int


def encode_with_span(row: Mapping[str, Any], first: str, last: str) -> SpannedLine:
    """The line that `encode_row` gives, and the span of its fields from `first` to `last`.

    The span holds names, values and the commas between them, without braces.

    Raises:
        ValueError: there are no such fields in this order.
    """
    names = list(row)
    begin, end = names.index(first), names.index(last) + 1
    if begin >= end:
        raise ValueError(f"{first} comes after {last}")
    fields = list(row.items())
    pieces = [dict(piece) for piece in (fields[:begin], fields[begin:end], fields[end:])]
    try:
        before, within, after = (_READABLE.encode(piece)[1:-1].encode("utf-8") for piece in pieces)
    except UnicodeEncodeError:
        before, within, after = (_ESCAPED.encode(piece)[1:-1].encode("ascii") for piece in pieces)
    start = len(before) + len(b"{, ") if before else len(b"{")
    line = b"{" + b", ".join(piece for piece in (before, within, after) if piece) + b"}\n"
    return SpannedLine(line, start, start + len(within))


def canonical_json(value: Any) -> bytes:
    """The canonical form of a JSON value, for hashing: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def sha256_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON value's canonical form."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def read_rows(path: Path, on_corrupt: Callable[[CorruptLine], None] | None = None) -> Iterator[JsonRow]:
    """Yield the rows of a JSONL file in order; raises as `numbered_rows`."""
    return (row for _, row in numbered_rows(path, on_corrupt))


def numbered_rows(path: Path, on_corrupt: Callable[[CorruptLine], None] | None = None) -> Iterator[tuple[int, JsonRow]]:
    """Yield line number (from 1) and row of a JSONL file in order; blank lines are skipped.

    Raises:
        MissingInputError: the file does not exist; or a line is broken and `on_corrupt` is not given. With
            `on_corrupt`, each broken line is passed to it and reading continues.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no file {path}.", "Check the path.")
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            row = parse_line(line)
            if isinstance(row, dict):
                yield number, row
            elif row is not None:
                corrupt = CorruptLine(path, number, row)
                if on_corrupt is None:
                    raise MissingInputError(f"{corrupt}.", "Repair or remove that line.")
                on_corrupt(corrupt)


def parse_line(line: bytes) -> JsonRow | str | None:
    """A row; None for a blank line; else the reason why the line is not a row."""
    if not line.strip():
        return None
    try:
        value = json.loads(_text(line))
    except UnicodeDecodeError as error:
        return f"not UTF-8 text ({_UTF16 if _is_utf16(line) else shortened(str(error), 120)})"
    except (ValueError, RecursionError) as error:
        return f"not valid JSON ({_UTF16 if _is_utf16(line) else shortened(str(error), 120)})"
    return value if isinstance(value, dict) else f"a JSON {type(value).__name__} where an object was expected"


def _text(line: bytes) -> str:
    """A line as UTF-8; given bytes, json would guess other encodings line by line. Lone surrogates are accepted."""
    return line.decode("utf-8-sig" if line.startswith(codecs.BOM_UTF8) else "utf-8", "surrogatepass")


def _is_utf16(line: bytes) -> bool:
    """Whether a broken line begins like UTF-16: with its byte order mark, or with a letter of two bytes."""
    return line.startswith(UTF16_MARKS) or line[:2].count(0) == 1


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a whole file: under a temporary name beside it, flushed to disk, then renamed into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as handle:
            for chunk in chunks:
                handle.write(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_path(path: Path) -> None:
    """Flush a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a whole JSONL file atomically."""
    write_atomically(path, map(encode_row, rows))


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document atomically, indented for people."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    write_atomically(path, [text.encode("utf-8", errors="surrogateescape"), b"\n"])


def read_json(path: Path) -> Any:
    """The JSON document in a file.

    Raises:
        MissingInputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingInputError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise MissingInputError(f"{path} is a folder where a file should be.", "Move it.") from None
    except (ValueError, RecursionError) as error:
        raise MissingInputError(
            f"{path} is not valid JSON: {error}.", "Remove the file and run its command again."
        ) from error


def repair_torn_tail(path: Path) -> int:
    """Remove a last line that has no newline; returns how many bytes were removed (0 for a whole or absent file)."""
    try:
        handle = path.open("r+b")
    except FileNotFoundError:
        return 0
    with handle:
        size = handle.seek(0, os.SEEK_END)
        keep = _end_of_last_line(handle, size)
        if keep < size:
            handle.truncate(keep)
        return size - keep


def _end_of_last_line(handle: IO[bytes], size: int) -> int:
    """The offset after the last newline, 0 if there is none; reads backwards in blocks."""
    end = size
    while end > 0:
        start = max(0, end - _TAIL_BLOCK)
        handle.seek(start)
        newline = handle.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
