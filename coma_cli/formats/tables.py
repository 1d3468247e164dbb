"""Rows out of a data file: a JSON array, JSON lines or Parquet, plain, gzip or a zip's member, told by content."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from coma_cli.errors import missing_package
from coma_cli.formats.arrays import array_values
from coma_cli.formats.data_file import BrokenSourceError, DataFile, Piece, Shard
from coma_cli.formats.files import glob_pattern, lines_of, list_files, unpacked
from coma_cli.formats.rejected import Rejected
from coma_cli.jsonl import JsonRow, parse_line
from coma_cli.records import Origin

_PROBE_BYTES = 1 << 16
_PARQUET_MAGIC = b"PAR1"
MISSING_COLUMN = "missing-column"
DUPLICATE_ID = "duplicate-id"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Extent:
    """How much of a Parquet file is in memory: its columns (none named: all of them) and the rows of a batch."""

    columns: tuple[str, ...] = ()
    rows_at_once: int = 1000


def shards_below(place: Path, names: Sequence[str], licence: str) -> list[Shard]:
    """The files of a source: `place` itself if it is a file, else what its glob patterns find below it, in order."""
    listed = list(list_files(place))
    if [entry.file for entry in listed] == [DataFile(place)]:
        return [Shard(place, place.name, licence)]
    patterns = [re.compile(glob_pattern(name), re.DOTALL) for name in names]
    found = [entry for entry in listed if any(pattern.fullmatch(entry.inner) for pattern in patterns)]
    return [
        Shard(entry.file.path, entry.name, licence, member=entry.file.member)
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


def read_table(
    shard: Shard,
    columns: Sequence[str],
    renamed: Mapping[str, str] | None = None,
    unique: str | None = None,
    extent: Extent | None = None,
) -> Iterator[tuple[int, JsonRow] | Rejected]:
    """Pairs of row number (from 1) and row; rows that are broken, or lack one of `columns`, come as `Rejected`.

    `renamed` gives columns that another form of the source calls otherwise their name here. A row whose value in the
    column `unique` was there before is a `Rejected` too; ids are compared as text, since forms differ in their type.
    `extent` says which columns of a Parquet file are read at all where rows are large, and how many rows at once.

    Only rows of the shard's piece are given. Where rows are lines, their numbers count the lines that are not blank.

    Raises:
        BrokenSourceError: the file is empty, in no known form, cut short, or no row has the columns.
    """
    names: set[str] = set()
    any_row = complete = False
    # A repeated id may have its first row in another piece, so where ids count all rows are looked at; of Parquet only
    # the ids are.
    ids, whole = _Ids(unique), shard
    if unique is not None and shard.piece.of > 1:
        parquet = _is_parquet(shard.file)
        ids = _Ids.of_pieces(shard, unique, renamed or {}) if parquet else ids
        whole = shard if parquet else replace(shard, piece=Piece())
    for index, entry in enumerate(_rows(whole, columns, extent or Extent())):
        any_row = True
        found = entry if isinstance(entry, Rejected) else _checked(shard, entry, columns, renamed or {}, ids)
        if not isinstance(entry, Rejected):
            names |= entry[1].keys()
            complete = complete or not isinstance(found, Rejected) or found.reason != MISSING_COLUMN
        if whole is shard or shard.piece.holds(index):
            yield found
    if not any_row:
        if shard.piece.of > 1:
            return
        raise BrokenSourceError(f"{shard.file} holds no rows.", "Fetch the file again, or leave this source out.")
    if not complete:
        raise _without_columns(shard.file, columns, names)


class _Ids:
    """Which rows have an id that was there before: by what was seen on the way, or by the numbers of known repeats."""

    def __init__(self, unique: str | None, repeats: frozenset[int] | None = None) -> None:
        self._unique = unique
        self._repeats = repeats
        self._seen: set[str] = set()

    @classmethod
    def of_pieces(cls, shard: Shard, unique: str, renamed: Mapping[str, str]) -> Self:
        """The repeats of a whole Parquet file, of which the column of ids is read alone."""
        names = (unique, *(name for name, known in renamed.items() if known == unique))
        repeats: set[int] = set()
        seen: set[str] = set()
        extent = Extent(columns=names, rows_at_once=1 << 16)
        for number, row in _parquet_rows(replace(shard, piece=Piece()), (), extent, only=True):
            key = next((str(row[name]) for name in names if row.get(name) is not None), None)
            if key is not None and key in seen:
                repeats.add(number)
            elif key is not None:
                seen.add(key)
        return cls(unique, frozenset(repeats))

    def reject(self, number: int, row: JsonRow) -> tuple[str, str] | None:
        """Why a row is kept aside, or None."""
        key = row.get(self._unique) if self._unique is not None else None
        if key is None:
            return None
        if number in self._repeats if self._repeats is not None else str(key) in self._seen:
            return DUPLICATE_ID, f"{self._unique} {key} was there before"
        self._seen.add(str(key))
        return None


def _checked(
    shard: Shard,
    entry: tuple[int, JsonRow],
    columns: Sequence[str],
    renamed: Mapping[str, str],
    ids: "_Ids",
) -> tuple[int, JsonRow] | Rejected:
    number, as_found = entry
    row = {renamed.get(column, column): value for column, value in as_found.items()}
    reject = _without(row, columns, as_found) or ids.reject(number, row)
    return Rejected(*reject, _origin(shard, number), row) if reject else (number, row)


def read_text_pairs(shard: Shard, columns: tuple[str, str]) -> Iterator[tuple[int, str, str] | Rejected]:
    """Row number and the two texts of each row, without blanks around; raises as `read_table`."""
    for entry in read_table(shard, columns, unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        first, second = ((text_of(row, column) or "").strip() for column in columns)
        if first and second:
            yield number, first, second
        else:
            yield Rejected("broken-row", f"{' or '.join(columns)} is no text", _origin(shard, number), row)


def _without(row: JsonRow, columns: Sequence[str], as_found: JsonRow) -> tuple[str, str] | None:
    missing = [column for column in columns if column not in row]
    return (MISSING_COLUMN, f"no {', '.join(missing)}; it has {', '.join(sorted(as_found))}") if missing else None


def text_of(row: JsonRow, column: str) -> str | None:
    """The text in a column with unified line ends; None where there is no text."""
    value = row.get(column)
    return unify_lines(value) if isinstance(value, str) else None


def unify_lines(text: str) -> str:
    """CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_columns(path: DataFile, columns: Sequence[str], names: set[str]) -> BrokenSourceError:
    wanted, found = ", ".join(columns), ", ".join(sorted(names)) or "no objects"
    return BrokenSourceError(
        f"{path}: no row has the columns {wanted}; it has {found}.", "Give the file in its publisher's form."
    )


def _origin(shard: Shard, number: int) -> Origin:
    return Origin(path=shard.name, row=str(number), split=shard.split)


def _rows(shard: Shard, columns: Sequence[str], extent: Extent) -> Iterator[tuple[int, JsonRow] | Rejected]:
    with unpacked(shard.file) as handle:
        head: bytes = handle.read(_PROBE_BYTES)
    if head.startswith(_PARQUET_MAGIC):
        return _parquet_rows(shard, columns, extent)
    if head.removeprefix(_BOM).lstrip().startswith(b"["):
        return _array_rows(shard)
    return _line_rows(shard)


def _is_parquet(file: DataFile) -> bool:
    with unpacked(file) as handle:
        return handle.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC


def _array_rows(shard: Shard) -> Iterator[tuple[int, JsonRow] | Rejected]:
    for number, value in enumerate(read_array(shard.file), start=1):
        if not shard.piece.holds(number - 1):
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            yield Rejected("broken-row", f"a JSON {type(value).__name__}, not an object", _origin(shard, number))


def read_array(file: DataFile) -> Iterator[Any]:
    """The values of a file that is one JSON array, one after the other.

    Raises:
        BrokenSourceError: it is no UTF-8 text, or no whole JSON array.
    """
    with unpacked(file) as handle:
        try:
            yield from array_values(handle.read)
        except UnicodeDecodeError as error:
            raise BrokenSourceError(f"{file} is not UTF-8 text: {error.reason}.", "Fetch it again.") from error
        except (ValueError, RecursionError) as error:
            raise BrokenSourceError(f"{file} is not a whole JSON array: {error}.", "Fetch it again.") from error


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
            first = first or f"{shard.file}:{line_number}: {row}"
            at = Origin(path=shard.name, row=f"line {line_number}", split=shard.split)
            yield Rejected("broken-row", f"{shard.name}:{line_number}: {row}", at)
    if not any_row and first:
        raise BrokenSourceError(f"{first}; no line of it is a JSON object.", "Give the file in its publisher's form.")


def _lines(shard: Shard) -> Iterator[tuple[int, int, bytes]]:
    """The lines that are not blank: their numbers among those and among all lines, both from 1, and the line."""
    number = 0
    for line_number, line in enumerate(lines_of(shard.file), start=1):
        if line.strip():
            number += 1
            yield number, line_number, line


def _parquet_rows(
    shard: Shard, columns: Sequence[str], extent: Extent, *, only: bool = False
) -> Iterator[tuple[int, JsonRow]]:
    """The rows of the shard's piece; with `only` no more than the columns of the extent, even where none is there."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise missing_package("datasets", f"Reading {shard.name} (Parquet)") from None
    try:
        start = 0
        with ExitStack() as stack:
            # Parquet is read from its end, which a member of an archive can't do: that one goes through memory.
            packed = stack.enter_context(unpacked(shard.file)) if shard.member else None
            content: Any = pyarrow.BufferReader(packed.read()) if packed else stack.enter_context(shard.path.open("rb"))
            table = pyarrow.parquet.ParquetFile(content)
            there = table.schema_arrow.names
            # Without a column that is needed all are read, so that the message can name what is there.
            chosen = [name for name in extent.columns if name in there] if only or set(columns) <= set(there) else []
            for batch in table.iter_batches(batch_size=extent.rows_at_once, columns=chosen if only else chosen or None):
                for first, last in shard.piece.held(start, start + batch.num_rows):
                    rows = batch.slice(first - start, last - first).to_pylist()
                    yield from enumerate(rows, start=first + 1)
                start += batch.num_rows
    except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
        raise BrokenSourceError(f"{shard.file} is a broken Parquet file: {error}.", "Fetch it again.") from error
