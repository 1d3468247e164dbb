"""The form of a file of rows, told by its content: JSON in four layouts, Parquet, CSV or TSV; plain, gzip or zip."""

import codecs
import csv
import gzip
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any

from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.files import unpacked
from coma_cli.formats.json_stream import BrokenJsonError, JsonStream
from coma_cli.jsonl import UTF16_MARKS, parse_line

_PARQUET_MAGIC = b"PAR1"
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WHITESPACE = b" \t\r\n"
_CHUNK = 1 << 16
_LARGE_CHUNK = 1 << 20
# A name of a column; data frames leave that of their index empty.
_COLUMN = re.compile(r"\w[\w .:/()#-]*|")
# Keys under which one object holds all rows of a file.
_WRAPPERS = ("data", "rows", "examples", "instances", "train")


class Layout(StrEnum):
    """How rows are written down."""

    ARRAY = "JSON array"
    LINES = "JSON lines"
    OBJECTS = "JSON objects over several lines"
    WRAPPED = "JSON object that holds the rows"
    PARQUET = "Parquet"
    CSV = "CSV"
    TSV = "TSV"


@dataclass(frozen=True)
class Form:
    """What a file of rows was found to be; as text: `JSON array, gzip, with a byte order mark`.

    `key` is the key under which an object holds the rows.
    """

    layout: Layout
    packing: str = ""
    marked: bool = False
    key: str = ""

    def __str__(self) -> str:
        mark = "with a byte order mark" if self.marked else ""
        return ", ".join(filter(None, (self.layout, self.packing, mark)))

    @property
    def is_plain(self) -> bool:
        """Whether it is the usual form, which needs no mention."""
        return self == Form(Layout.LINES)


def form_of(file: DataFile) -> Form:
    """What a file holds, by its first bytes that are not whitespace, and never by its name alone.

    A file without rows, and one in no known form, counts as JSON lines: each line of it is then a broken row.

    Raises:
        BrokenSourceError: it is UTF-16 or UTF-32, or its packing is broken.
    """
    with unpacked(file) as handle:
        packing = _packing(file, handle)
        start = handle.read(4)
        if start == _PARQUET_MAGIC:
            return Form(Layout.PARQUET, packing)
        _require_utf8(file, start)
        handle.seek(0)
        marked, line = _first_line(handle)
    begins = line[:1]
    if begins == b"[":
        return Form(Layout.ARRAY, packing, marked)
    if begins == b"{":
        layout, key = _layout_of_objects(file, line)
        return Form(layout, packing, marked, key)
    return Form(_layout_of_text(file, line), packing, marked)


def _packing(file: DataFile, handle: IO[bytes]) -> str:
    inner = ("gzip",) if isinstance(handle, gzip.GzipFile) else ()
    return " in ".join((*inner, "zip") if file.member else inner)


def _first_line(handle: IO[bytes]) -> tuple[bool, bytes]:
    """Whether a file begins with a byte order mark, and its first line that is not blank, without leading whitespace.

    The line is whole where it begins an object; an array may hold the whole file in one line, and is not read further.
    """
    data = handle.read(_CHUNK)
    marked = data.startswith(codecs.BOM_UTF8)
    line = data.removeprefix(codecs.BOM_UTF8).lstrip(_WHITESPACE)
    while not line and (data := handle.read(_CHUNK)):
        line = data.lstrip(_WHITESPACE)
    if line[:1] == b"{" and b"\n" not in line:
        line += handle.readline()
    return marked, line.partition(b"\n")[0]


def _require_utf8(file: DataFile, start: bytes) -> None:
    zeros = tuple(place for place, byte in enumerate(start) if not byte)  # of two characters of ASCII, or of one
    wide = start.startswith(_UTF32_MARKS) or zeros in ((1, 2, 3), (0, 1, 2))
    if wide or start.startswith(UTF16_MARKS) or zeros in ((1, 3), (0, 2)):
        name = "UTF-32" if wide else "UTF-16"
        raise BrokenSourceError(f"{file} is {name}; only UTF-8 is read.", f"Convert it: iconv -f {name} -t UTF-8")


def _layout_of_objects(file: DataFile, line: bytes) -> tuple[Layout, str]:
    """Lines, unless the first object continues on the next line, or is one that holds all rows."""
    row = parse_line(line)
    if isinstance(row, dict) and not _wrapper(row):
        return Layout.LINES, ""
    with unpacked(file) as handle:
        text = JsonStream(handle.read)
        try:
            text.peek()
            first = text.line
            key = _wrapper(text.value())
            over_lines = text.line > first
            if key and not text.peek():
                return Layout.WRAPPED, key
        except (BrokenJsonError, UnicodeDecodeError):
            return Layout.LINES, ""
    return (Layout.OBJECTS if over_lines else Layout.LINES), ""


def _wrapper(value: Mapping[str, Any]) -> str:
    """The key of an object that has one only, if it is a usual name for rows and holds a list of objects."""
    key = next(iter(value)) if len(value) == 1 else ""
    rows = value.get(key) if key in _WRAPPERS else None
    return key if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows) else ""


def require_whole(file: DataFile) -> None:
    """Read a packed file to its end, and check that a file that begins as an array also ends as one.

    What is wrong within an array is only found by reading its rows.

    Raises:
        BrokenSourceError: see `unpacked`; or the array is not closed.
    """
    with unpacked(file) as handle:
        _, line = _first_line(handle)
        last = _last_byte_of_stream(handle) if _packing(file, handle) else _last_byte(handle)
    if line.startswith(b"[") and last != b"]":
        raise BrokenSourceError(f"{file} is not a whole JSON array: the array is not closed.", "Fetch it again.")


def _last_byte_of_stream(handle: IO[bytes]) -> bytes:
    """The last byte that is not whitespace, of a file that can only be read from its beginning."""
    handle.seek(0)
    last = b""
    while chunk := handle.read(_LARGE_CHUNK):
        last = chunk.rstrip(_WHITESPACE)[-1:] or last
    return last


def _last_byte(handle: IO[bytes]) -> bytes:
    """The last byte that is not whitespace, of a file that can be read from its end."""
    end = handle.seek(0, os.SEEK_END)
    last = b""
    while end and not last:
        start = max(0, end - _CHUNK)
        handle.seek(start)
        last = handle.read(end - start).rstrip(_WHITESPACE)[-1:]
        end = start
    return last


def _layout_of_text(file: DataFile, line: bytes) -> Layout:
    """CSV or TSV if the first line can only be the names of columns."""
    name = str(file).lower().removesuffix(".gz")
    for layout, delimiter in ((Layout.TSV, "\t"), (Layout.CSV, ",")):
        named = name.endswith(f".{layout.lower()}")
        if _is_header(_columns_of(line, delimiter), fewest=1 if named else 2):
            return layout
    return Layout.LINES


def _columns_of(line: bytes, delimiter: str) -> Sequence[str]:
    """The cells of one line; none if it is not CSV."""
    try:
        text = line.decode("utf-8").rstrip("\r")
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def _is_header(cells: Sequence[str], fewest: int) -> bool:
    """Whether cells look like names of columns: distinct words, and at least `fewest` of them."""
    named = [cell for cell in cells if cell]
    distinct = len(set(cells)) == len(cells)
    return len(named) >= fewest and distinct and all(map(_COLUMN.fullmatch, cells)) and not _is_json(cells)


def _is_json(cells: Sequence[str]) -> bool:
    """Whether all cells are values of JSON: numbers, null, true."""
    try:
        json.loads(f"[{','.join(cells)}]")
    except ValueError:
        return False
    return True
