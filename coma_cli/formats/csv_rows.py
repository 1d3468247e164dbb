"""Rows out of CSV and TSV: the first line names the columns, and all values are text."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO

from coma_cli.jsonl import JsonRow

_LARGEST_CELL = (1 << 31) - 1
_NULLS = frozenset({"NaN", "nan"})  # as data frames and Python's own writer put a missing value


def csv_rows(handle: IO[bytes], delimiter: str) -> Iterator[tuple[int, JsonRow | str]]:
    """The line (from 1) at which each row begins, and the row, or the reason why it is none.

    Line ends within quotes are kept. A cell that holds NaN without more is None; one that is empty is an empty text. A
    column without a name, as data frames write their index, is skipped.
    """
    csv.field_size_limit(_LARGEST_CELL)  # of the whole process; the default of 128 KB is smaller than some programs
    with io.TextIOWrapper(handle, "utf-8-sig", errors="surrogateescape", newline="") as text:
        names: list[str] = []
        for line, cells in _cells(text, delimiter):
            if isinstance(cells, str):
                yield line, cells
            elif names:
                yield line, _row(names, cells)
            else:
                names = cells


def _cells(text: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """The first line of each row, and its cells, or why it has none; blank lines are skipped."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield line, f"not valid CSV ({error})"
            continue
        if cells is None:
            return
        if len(cells) > 1 or any(cells):
            yield line, cells


def _row(names: list[str], cells: list[str]) -> JsonRow | str:
    if len(cells) != len(names):
        return f"{len(cells)} cells where the first line names {len(names)} columns"
    if any("\udc80" <= character <= "\udcff" for cell in cells if not cell.isascii() for character in cell):
        return "not UTF-8 text"
    return {name: None if cell in _NULLS else cell for name, cell in zip(names, cells, strict=True) if name}
