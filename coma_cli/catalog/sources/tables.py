"""Rows out of a data file: a JSON array, JSON lines or Parquet, plain or gzip, told apart by content, not by name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coma_cli.catalog.sources.arrays import array_values
from coma_cli.catalog.sources.material import Rejected
from coma_cli.catalog.sources.source import BrokenSourceError, Shard
from coma_cli.errors import missing_package
from coma_cli.jsonl import JsonRow, open_bytes, parse_line
from coma_cli.records import Origin

_PROBE_BYTES = 1 << 16
_PARQUET_MAGIC = b"PAR1"
MISSING_COLUMN = "missing-column"
_BOM = b"\xef\xbb\xbf"


def shards_below(place: Path, names: Sequence[str], licence: str) -> list[Shard]:
    """The files of a source: `place` itself if it is a file, else what its glob patterns find below it, in order."""
    if place.is_file():
        return [Shard(place, place.name, licence)]
    found = {path for pattern in names for path in place.glob(pattern) if path.is_file()}
    return [Shard(path, path.relative_to(place).as_posix(), licence) for path in sorted(found)]


def read_table(shard: Shard, columns: Sequence[str]) -> Iterator[tuple[int, JsonRow] | Rejected]:
    """Pairs of row number (from 1) and row; rows that are broken, or lack a text in `columns`, come as `Rejected`.

    Only rows of the shard's piece are given. Where rows are lines, their numbers count the lines that are not blank.

    Raises:
        BrokenSourceError: the file is empty, in no known form, cut short, or no row has the columns.
    """
    names: set[str] = set()
    any_row = complete = False
    for entry in _rows(shard):
        any_row = True
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        names |= row.keys()
        missing = [column for column in columns if column not in row]
        if missing:
            found = ", ".join(sorted(row))
            yield Rejected(MISSING_COLUMN, f"no {', '.join(missing)}; it has {found}", _origin(shard, number), row)
            continue
        complete = True
        yield number, row
    if not any_row:
        if shard.piece.of > 1:
            return
        raise BrokenSourceError(f"{shard.path} holds no rows.", "Fetch the file again, or leave this source out.")
    if not complete:
        raise _without_columns(shard.path, columns, names)


def text_of(row: JsonRow, column: str) -> str | None:
    """The text in a column with unified line ends; None where there is no text."""
    value = row.get(column)
    return unify_lines(value) if isinstance(value, str) else None


def unify_lines(text: str) -> str:
    """CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_columns(path: Path, columns: Sequence[str], names: set[str]) -> BrokenSourceError:
    wanted, found = ", ".join(columns), ", ".join(sorted(names)) or "no objects"
    return BrokenSourceError(
        f"{path}: no row has the columns {wanted}; it has {found}.", "Give the file in its publisher's form."
    )


def _origin(shard: Shard, number: int) -> Origin:
    return Origin(path=shard.name, row=str(number))


def _rows(shard: Shard) -> Iterator[tuple[int, JsonRow] | Rejected]:
    with _Unpacked(shard.path) as handle:
        head: bytes = handle.read(_PROBE_BYTES)
    if head.startswith(_PARQUET_MAGIC):
        return _parquet_rows(shard)
    if head.removeprefix(_BOM).lstrip().startswith(b"["):
        return _array_rows(shard)
    return _line_rows(shard)


class _Unpacked:
    """A file, plain or gzip, whose unpacking errors become errors of the source."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        self._handle = open_bytes(self._path)
        return self

    def read(self, size: int = -1) -> bytes:
        try:
            return self._handle.read(size)
        except (OSError, EOFError) as error:
            raise BrokenSourceError(f"{self._path} is a broken gzip file: {error}.", "Fetch it again.") from error

    def lines(self) -> Iterator[bytes]:
        """Its lines, with their ends."""
        try:
            yield from self._handle
        except (OSError, EOFError) as error:
            raise BrokenSourceError(f"{self._path} is a broken gzip file: {error}.", "Fetch it again.") from error

    def __exit__(self, *_: object) -> None:
        self._handle.close()


def _array_rows(shard: Shard) -> Iterator[tuple[int, JsonRow] | Rejected]:
    with _Unpacked(shard.path) as handle:
        values = array_values(handle.read)
        try:
            for number, value in enumerate(values, start=1):
                if not shard.piece.holds(number - 1):
                    continue
                if isinstance(value, dict):
                    yield number, value
                else:
                    yield Rejected(
                        "broken-row", f"a JSON {type(value).__name__}, not an object", _origin(shard, number)
                    )
        except UnicodeDecodeError as error:
            raise BrokenSourceError(f"{shard.path} is not UTF-8 text: {error.reason}.", "Fetch it again.") from error
        except (ValueError, RecursionError) as error:
            raise BrokenSourceError(f"{shard.path} is not a whole JSON array: {error}.", "Fetch it again.") from error


def _line_rows(shard: Shard) -> Iterator[tuple[int, JsonRow] | Rejected]:
    any_row, first = False, ""
    for number, line_number, line in _lines(shard):
        if not shard.piece.holds(number - 1):
            any_row = True  # of another piece, which looks at it
            continue
        row = parse_line(line)
        if isinstance(row, dict):
            any_row = True
            yield number, row
        else:
            first = first or f"{shard.path}:{line_number}: {row}"
            at = Origin(path=shard.name, row=f"line {line_number}")
            yield Rejected("broken-row", f"{shard.name}:{line_number}: {row}", at)
    if not any_row and first:
        raise BrokenSourceError(f"{first}; no line of it is a JSON object.", "Give the file in its publisher's form.")


def _lines(shard: Shard) -> Iterator[tuple[int, int, bytes]]:
    """The lines that are not blank: their numbers among those and among all lines, both from 1, and the line."""
    number = 0
    with _Unpacked(shard.path) as handle:
        for line_number, line in enumerate(handle.lines(), start=1):
            if line.strip():
                number += 1
                yield number, line_number, line


def _parquet_rows(shard: Shard) -> Iterator[tuple[int, JsonRow] | Rejected]:
    try:
        import pyarrow.parquet
    except ImportError:
        raise missing_package("datasets", f"Reading {shard.path.name} (Parquet)") from None
    try:
        number = 0
        for batch in pyarrow.parquet.ParquetFile(shard.path).iter_batches(batch_size=1000):
            for row in batch.to_pylist():
                number += 1
                if shard.piece.holds(number - 1):
                    yield number, row
    except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
        raise BrokenSourceError(f"{shard.path} is a broken Parquet file: {error}.", "Fetch it again.") from error
