"""The one reader of files of rows, whatever their form: `forms.py` tells which it is, and every command reads by this.

Rows come one after the other; of JSON lines, arrays, CSV and Parquet no more than a piece is in memory.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from coma_cli.errors import MissingInputError
from coma_cli.formats.csv_rows import csv_rows
from coma_cli.formats.data_file import BrokenSourceError, DataFile, Piece
from coma_cli.formats.files import lines_of, unpacked
from coma_cli.formats.forms import Form, Layout, form_of
from coma_cli.formats.json_stream import array_values, values_in_a_row
from coma_cli.formats.parquet_rows import Extent, parquet_rows
from coma_cli.jsonl import JsonRow, parse_line

_AGAIN = "Fetch or write it again."
T = TypeVar("T")


@dataclass(frozen=True)
class BadRow:
    """A row that can't be used: the number that it has among the rows of its file (from 1), and why.

    `line` is where it begins, of files that have lines.
    """

    file: DataFile
    number: int
    reason: str
    line: int | None = None

    @property
    def place(self) -> str:
        """File and line, or file and row."""
        return f"{self.file}, row {self.number}" if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


def read_rows(
    file: DataFile, *, piece: Piece | None = None, extent: Extent | None = None, form: Form | None = None
) -> Iterator[tuple[int, JsonRow] | BadRow]:
    """Row number (from 1) and row, or a `BadRow`, of those rows that belong to the piece.

    If rows are lines, their numbers count the lines that are not blank, broken ones too. `form` saves detecting it
    again if it is known.

    Raises:
        BrokenSourceError: the file is UTF-16, its packing is broken, or it is truncated and its rows can't be
            read separately: an array, an object over several lines, Parquet.
        MissingPackageError: it is Parquet, and pyarrow is not installed.
    """
    for entry in read_values(file, piece=piece, extent=extent, form=form):
        if isinstance(entry, BadRow) or isinstance(entry[1], dict):
            yield entry
        else:
            yield BadRow(file, entry[0], f"a JSON {type(entry[1]).__name__}, not an object")


def read_values(
    file: DataFile, *, piece: Piece | None = None, extent: Extent | None = None, form: Form | None = None
) -> Iterator[tuple[int, Any] | BadRow]:
    """As `read_rows`, but the elements of a JSON array may be any value: lists of programs, say."""
    form = form or form_of(file)
    piece = piece or Piece()
    if form.layout is Layout.PARQUET:
        return parquet_rows(file, piece, extent or Extent())
    if form.layout is Layout.LINES:
        return _lines(file, piece)
    if form.layout is Layout.ARRAY:
        return _held(enumerate(read_array(file), start=1), piece)
    if form.layout is Layout.OBJECTS:
        return _objects(file, piece)
    if form.layout is Layout.WRAPPED:
        return _held(enumerate(next(_values_in_a_row(file))[1][form.key], start=1), piece)
    return _cells(file, piece, "\t" if form.layout is Layout.TSV else ",")


def good_rows(
    file: DataFile, on_bad: Callable[[BadRow], object], form: Form | None = None
) -> Iterator[tuple[int, JsonRow]]:
    """Row number (from 1) and row of those that can be used; the others go to `on_bad`. Raises as `read_rows`."""
    for entry in read_rows(file, form=form):
        if isinstance(entry, BadRow):
            on_bad(entry)
        else:
            yield entry


def whole_rows(file: DataFile) -> Iterator[tuple[int, JsonRow]]:
    """Row number (from 1) and row of a file of which every row is needed.

    Raises:
        MissingInputError: a row is broken; else as `read_rows`.
    """
    for entry in read_rows(file):
        if isinstance(entry, BadRow):
            raise MissingInputError(f"{entry}.", "Repair or remove it.")
        yield entry


def read_array(file: DataFile) -> Iterator[Any]:
    """The values of a file that is one JSON array, one after the other.

    Raises:
        BrokenSourceError: it is no UTF-8 text, or no whole JSON array.
    """
    return _json_of(file, array_values, "JSON array")


def _values_in_a_row(file: DataFile) -> Iterator[tuple[int, Any]]:
    return _json_of(file, values_in_a_row, "file of JSON objects")


def _json_of(file: DataFile, values: Callable[[Callable[[int], bytes]], Iterator[T]], whole: str) -> Iterator[T]:
    """What `values` makes of a file that should be a whole one of that name."""
    with unpacked(file) as handle:
        try:
            yield from values(handle.read)
        except UnicodeDecodeError as error:
            raise BrokenSourceError(f"{file} is not UTF-8 text: {error.reason}.", _AGAIN) from error
        except ValueError as error:
            raise BrokenSourceError(f"{file} is not a whole {whole}: {error}.", _AGAIN) from error


def _held(entries: Iterator[tuple[int, Any]], piece: Piece) -> Iterator[tuple[int, Any]]:
    return entries if piece.of == 1 else (entry for entry in entries if piece.holds(entry[0] - 1))


def _lines(file: DataFile, piece: Piece) -> Iterator[tuple[int, JsonRow] | BadRow]:
    number = 0
    for line_number, line in enumerate(lines_of(file), start=1):
        if line_number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if not line.strip():
            continue
        number += 1
        if not piece.holds(number - 1):
            continue
        row = parse_line(line)
        if isinstance(row, dict):
            yield number, row
        else:
            yield BadRow(file, number, str(row), line_number)


def _objects(file: DataFile, piece: Piece) -> Iterator[tuple[int, JsonRow] | BadRow]:
    for number, (line, value) in enumerate(_values_in_a_row(file), start=1):
        if not piece.holds(number - 1):
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            yield BadRow(file, number, f"a JSON {type(value).__name__}, not an object", line)


def _cells(file: DataFile, piece: Piece, delimiter: str) -> Iterator[tuple[int, JsonRow] | BadRow]:
    with unpacked(file) as handle:
        for number, (line, row) in enumerate(csv_rows(handle, delimiter), start=1):
            if piece.holds(number - 1):
                yield (number, row) if isinstance(row, dict) else BadRow(file, number, row, line)
