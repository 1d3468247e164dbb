"""Writes the output files: the rows that a selection keeps, those that it drops, and those to be requested.

Rows are copied from disk to disk; memory holds about a hundred bytes of each. They are written in the order of their
ids, which are hashes of their content, so tasks and sources are mixed, and the order never depends on how the work was
divided.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.corpus.cleaning.rules import not_requested
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.stored_texts import StoredTexts
from coma_cli.corpus.dropping import dropped
from coma_cli.dataset.behaviour import NOTHING_FOUND, BehaviourReport
from coma_cli.dataset.exports import (
    ArrayFiles,
    Export,
    file_of,
    validation_file,
    write_export,
    write_llama_factory_info,
)
from coma_cli.dataset.pending import request_of
from coma_cli.dataset.rows import RowReader, RowState, RowTable
from coma_cli.dataset.selection import REASONS, Selection
from coma_cli.jsonl import encode_row, write_atomically
from coma_cli.records import DroppedRow

TRAIN, VALIDATION, DROPPED_FILE = "train.jsonl", "validation.jsonl", "dropped.jsonl"
CONTAMINATION, PENDING, COMIT = "contamination.jsonl", "pending.jsonl", "CoMIT.json"
ROW_FILES = (TRAIN, VALIDATION, DROPPED_FILE, CONTAMINATION, PENDING, COMIT)
_SIDES = (("train", False), ("validation", True))
_DUPLICATES = (RowState.DUPLICATE, RowState.NEAR_DUPLICATE, RowState.IN_REFERENCE)


def texts_of(rows: RowTable, near: NearRules, scratch: Path) -> AbstractContextManager[StoredTexts]:
    """The fingerprints of the texts of a table, which `select` needs; keeps two working files in `scratch`."""
    counts = [part.count for part in rows.parts]
    return StoredTexts.joined([part.texts() for part in rows.parts], counts, near.banding.bands, scratch)


def write_files(
    rows: RowTable,
    selection: Selection,
    mixture: Mixture,
    folder: Path,
    exports: tuple[Export, ...] = (),
    behaviour: BehaviourReport = NOTHING_FOUND,
) -> tuple[str, ...]:
    """Write all files of a selection into `folder`: `ROW_FILES`, one per sub-dataset, the exports; their names."""
    with RowReader(rows) as reader:
        made = _Files(rows, selection, mixture, reader, behaviour)
        write_atomically(folder / DROPPED_FILE, made.dropped_lines())
        write_atomically(folder / CONTAMINATION, made.evidence_lines())
        write_atomically(folder / PENDING, made.request_lines())
        with ArrayFiles(folder, [COMIT]) as arrays:
            write_atomically(folder / TRAIN, made.training_lines(arrays))
        with ArrayFiles(folder) as held_out:
            write_atomically(folder / VALIDATION, made.validation_lines(held_out))
        names = [
            *ROW_FILES[:-1],
            *sorted(arrays.names, key=lambda name: (name != COMIT, name)),
            *sorted(held_out.names),
        ]
        for export in exports:
            for side, validation in _SIDES:
                examples = map(reader.example, made.side(validation=validation))
                names.append(write_export(export, folder, side, examples))
    described = write_llama_factory_info(exports, folder, made.filled_sides())
    return (*names, described) if described else tuple(names)


@dataclass(frozen=True)
class _Files:
    """The lines of each file."""

    rows: RowTable
    selection: Selection
    mixture: Mixture
    reader: RowReader
    behaviour: BehaviourReport

    def side(self, *, validation: bool) -> list[int]:
        """The kept rows of one side in their order."""
        chosen = self.selection.kept & (self.selection.validation == validation)
        numbers: list[int] = self.rows.in_order(chosen).tolist()
        return numbers

    def filled_sides(self) -> list[str]:
        """The sides that have rows."""
        return [side for side, validation in _SIDES if self.side(validation=validation)]

    def training_lines(self, arrays: ArrayFiles) -> Iterator[bytes]:
        """The lines of training; their bodies go to CoMIT.json too, and to the file of their sub-dataset."""
        for row in self.side(validation=False):
            line = self.reader.line(row)
            body = self._body(row, line)
            arrays.add(COMIT, body)
            arrays.add(self._file_of(row), body)
            yield line

    def validation_lines(self, arrays: ArrayFiles) -> Iterator[bytes]:
        """The lines of validation; their bodies go to the counterpart of their sub-dataset's file."""
        for row in self.side(validation=True):
            line = self.reader.line(row)
            arrays.add(validation_file(self._file_of(row)), self._body(row, line))
            yield line

    def _body(self, row: int, line: bytes) -> bytes:
        index = self.rows.index
        return b"{%b}" % line[int(index["body"][row]) : int(index["body_end"][row])]

    def _file_of(self, row: int) -> str:
        index, names = self.rows.index, self.rows.names
        task, language = names["task"][index["task"][row]], names["text_language"][index["text_language"][row]]
        return file_of(self.mixture, int(self.selection.subset[row]), task, language)

    def dropped_lines(self) -> Iterator[bytes]:
        """What did not become a row and the duplicates, part by part; then the rows that the split drops."""
        duplicates = np.flatnonzero(np.isin(self.selection.state, _DUPLICATES))
        ends = np.searchsorted(self.rows.part[duplicates], np.arange(len(self.rows.parts) + 1))  # rows lie by part
        for number, part in enumerate(self.rows.parts):
            yield from part.lines("dropped")
            for row in duplicates[ends[number] : ends[number + 1]]:
                yield self._dropped(row, self._first_of(row))
        for row in self.rows.in_order(self.selection.state == RowState.COUNTERPART):
            yield self._dropped(row, self._first_of(row))
        for row in self.rows.in_order(self.selection.state == RowState.CROSSING):
            yield self._dropped(row)
        for row in self.rows.in_order(self.selection.state == RowState.OTHER_TEXT_LANGUAGE):
            yield self._dropped(row, not_requested(self.rows.text_language(row)))
        for row in self.rows.in_order(self.selection.state == RowState.REPEATED_SHAPE):
            yield self._dropped(row)
        for row in self.rows.in_order(self.selection.state == RowState.CONTAMINATED):
            yield self._dropped(row, self._solved_by(row))

    def _dropped(self, row: int, detail: str = "") -> bytes:
        return encode_row(self._dropped_row(row, detail).to_row())

    def _dropped_row(self, row: int, detail: str) -> DroppedRow:
        return dropped(self.reader.example(row), REASONS[RowState(self.selection.state[row])], detail)

    def _solved_by(self, row: int) -> str:
        return f"{self.behaviour.evidence[int(row)].problem} (tests)"

    def _first_of(self, row: int) -> str:
        """The row that a duplicate or a counterpart repeats: its id.

        For a row of a reference file, that is the file and the id there.
        """
        first = int(self.selection.first[row])
        if self.selection.state[first] != RowState.REFERENCE:
            return f"of {self.rows.id_of(first)}"
        origin = self.reader.example(first).origin
        return f"of {origin.path}: {origin.row}"

    def evidence_lines(self) -> Iterator[bytes]:
        """The evidence of contaminated rows, then that of rows which solve a problem: kept ones and dropped ones."""
        for part in self.rows.parts:
            yield from part.lines("evidence")
        for row in self.rows.in_order(self.selection.kept | (self.selection.state == RowState.CONTAMINATED)):
            evidence = self.behaviour.evidence.get(int(row))
            if evidence is not None and not self.selection.kept[row]:  # a dropped row has an id of its own
                evidence = evidence.model_copy(update={"id": self._dropped_row(row, self._solved_by(row)).id})
            if evidence is not None:
                yield encode_row(evidence.to_row())

    def request_lines(self) -> Iterator[bytes]:
        """The rows that upstream lacks, by sub-dataset in the order of the table."""
        for entry in self.selection.requested:
            for row in entry.rows:
                yield encode_row(request_of(self.reader.example(row), entry.subset).to_row())
