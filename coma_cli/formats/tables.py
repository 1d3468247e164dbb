"""The rows of a source's files by their columns: shards and pieces of what the one reader of row files gives."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from coma_cli.formats.data_file import BrokenSourceError, DataFile, Piece, Shard
from coma_cli.formats.files import glob_pattern, list_files
from coma_cli.formats.forms import Form, Layout, form_of
from coma_cli.formats.parquet_rows import Extent, parquet_rows
from coma_cli.formats.rejected import Rejected, row_origin
from coma_cli.formats.row_files import BadRow, read_rows
from coma_cli.formats.text import unix_lines
from coma_cli.jsonl import JsonRow

MISSING_COLUMN = "missing-column"
DUPLICATE_ID = "duplicate-id"


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
    column `unique` is a duplicate is a `Rejected` too; ids are compared as text, since forms differ in their type.
    `extent` says which columns of a Parquet file are read at all where rows are large, and how many rows at once.

    Only rows of the shard's piece are given. Where rows are lines, their numbers count the lines that are not blank.

    Raises:
        BrokenSourceError: the file is empty, in no known form, cut short, or no row has the columns.
    """
    form = form_of(shard.file)
    extent = replace(extent or Extent(), needed=tuple(columns))
    ids, piece = _Ids.over_pieces(shard, form, unique, renamed or {})
    names: set[str] = set()
    any_row = complete = False
    first_bad: BadRow | None = None
    for index, entry in enumerate(read_rows(shard.file, piece=piece, extent=extent, form=form)):
        any_row = True
        found: tuple[int, JsonRow] | Rejected
        if isinstance(entry, BadRow):
            first_bad = first_bad or entry
            found = _rejected(shard, entry)
        else:
            names |= entry[1].keys()
            found = _checked(shard, entry, columns, renamed or {}, ids)
            complete = complete or not isinstance(found, Rejected) or found.reason != MISSING_COLUMN
        if piece == shard.piece or shard.piece.holds(index):
            yield found
    if any_row and not complete:
        raise _without_columns(shard.file, columns, names, first_bad)
    if not any_row and shard.piece.of == 1:
        raise BrokenSourceError(f"{shard.file} holds no rows.", "Fetch the file again, or leave this source out.")


class _Ids:
    """Finds rows with a duplicate id: by the ids seen so far, or by the numbers of known duplicates."""

    def __init__(self, unique: str | None, repeats: frozenset[int] | None = None) -> None:
        self._unique = unique
        self._repeats = repeats
        self._seen: set[str] = set()

    @classmethod
    def over_pieces(
        cls, shard: Shard, form: Form, unique: str | None, renamed: Mapping[str, str]
    ) -> tuple[Self, Piece]:
        """The ids, and the piece of the file to be read for them.

        A repeated id may have its first row in another piece, so where ids count all rows are looked at; of Parquet
        only the ids are.
        """
        if unique is None or shard.piece.of == 1:
            return cls(unique), shard.piece
        if form.layout is not Layout.PARQUET:
            return cls(unique), Piece()
        return cls._of_parquet(shard.file, unique, renamed), shard.piece

    @classmethod
    def _of_parquet(cls, file: DataFile, unique: str, renamed: Mapping[str, str]) -> Self:
        """The repeats of a whole Parquet file, of which the column of ids is read alone."""
        names = (unique, *(name for name, known in renamed.items() if known == unique))
        repeats: set[int] = set()
        seen: set[str] = set()
        for number, row in parquet_rows(file, Piece(), Extent(columns=names, rows_at_once=1 << 16)):
            key = next((str(row[name]) for name in names if row.get(name) is not None), None)
            if key is not None and key in seen:
                repeats.add(number)
            elif key is not None:
                seen.add(key)
        return cls(unique, frozenset(repeats))

    def reject(self, number: int, row: JsonRow) -> tuple[str, str] | None:
        """Why a row is rejected, or None."""
        key = row.get(self._unique) if self._unique is not None else None
        if key is None:
            return None
        if number in self._repeats if self._repeats is not None else str(key) in self._seen:
            return DUPLICATE_ID, f"{self._unique} {key} is a duplicate"
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
    return Rejected(*reject, row_origin(shard, number), row) if reject else (number, row)


def read_text_pairs(shard: Shard, columns: tuple[str, str]) -> Iterator[tuple[int, str, str] | Rejected]:
    """Row number and the two texts of each row, without surrounding whitespace; raises as `read_table`."""
    for entry in read_table(shard, columns, unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        first, second = ((text_of(row, column) or "").strip() for column in columns)
        if first and second:
            yield number, first, second
        else:
            yield Rejected("broken-row", f"{' or '.join(columns)} is not a string", row_origin(shard, number), row)


def _without(row: JsonRow, columns: Sequence[str], as_found: JsonRow) -> tuple[str, str] | None:
    missing = [column for column in columns if column not in row]
    return (MISSING_COLUMN, f"no {', '.join(missing)}; it has {', '.join(sorted(as_found))}") if missing else None


def text_of(row: JsonRow, column: str) -> str | None:
    """The text in a column with unified line ends; None if it is not a string."""
    value = row.get(column)
    return unix_lines(value) if isinstance(value, str) else None


def _without_columns(
    path: DataFile, columns: Sequence[str], names: set[str], first_bad: BadRow | None
) -> BrokenSourceError:
    if not names and first_bad is not None:
        return BrokenSourceError(f"{first_bad}; no row of it can be read.", "Give the file in its publisher's form.")
    wanted, found = ", ".join(columns), ", ".join(sorted(names)) or "no columns"
    return BrokenSourceError(
        f"{path}: no row has the columns {wanted}; it has {found}.", "Give the file in its publisher's form."
    )


def _rejected(shard: Shard, bad: BadRow) -> Rejected:
    """A broken row under the shard's name, which has no path of a machine in it."""
    detail = bad.reason if bad.line is None else f"{shard.name}:{bad.line}: {bad.reason}"
    row = str(bad.number) if bad.line is None else f"line {bad.line}"
    return Rejected("broken-row", detail, row_origin(shard, row))
