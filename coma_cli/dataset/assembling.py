"""Puts the parts together: decides which rows stay, then writes the files that people read. One deterministic pass.

Rows are copied from disk to disk; what is held for each is a record of about a hundred bytes. They are written in the
order of their ids, which are hashes of their content, so tasks and sources are mixed and the order never depends on
how the work was divided.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.mixtures.mixture import Mixture, Size
from coma_cli.corpus.dedup import duplicates as dedup
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.stored_texts import StoredTexts
from coma_cli.corpus.dropping import dropped
from coma_cli.corpus.splitting import COUNTERPART_REASON
from coma_cli.dataset.composition import RowTally
from coma_cli.dataset.exports import ArrayFiles, Export, file_of, write_export
from coma_cli.dataset.mixing import assign, balance, keep_targets
from coma_cli.dataset.parts import Lines
from coma_cli.dataset.pending import lacking, request_of
from coma_cli.dataset.rows import (
    BEYOND_BALANCE,
    BEYOND_SIZE,
    COUNTERPART,
    DUPLICATE,
    IN_REFERENCE,
    NEAR_DUPLICATE,
    REFERENCE,
    BuiltRows,
)
from coma_cli.dataset.selection import drop_counterparts, drop_duplicates, keep_per_task
from coma_cli.jsonl import encode_row, write_atomically
from coma_cli.records import Example

TRAIN, VALIDATION, DROPPED_FILE = "train.jsonl", "validation.jsonl", "dropped.jsonl"
CONTAMINATION, PENDING, COMIT = "contamination.jsonl", "pending.jsonl", "CoMIT.json"
ROW_FILES = (TRAIN, VALIDATION, DROPPED_FILE, CONTAMINATION, PENDING, COMIT)
_REASONS = {DUPLICATE: dedup.EXACT, NEAR_DUPLICATE: dedup.NEAR, IN_REFERENCE: dedup.IN_REFERENCE}


@dataclass(frozen=True)
class Wanted:
    """What is to stay of the rows, and in which forms they are written besides `ROW_FILES`.

    `size` None keeps everything. `requests` says whether what upstream lacks is to be requested.
    """

    near: NearRules
    mixture: Mixture = MIXTURES["comit"]
    size: Size | None = None
    per_task: int | None = None
    requests: bool = True
    exports: tuple[Export, ...] = ()

    @property
    def targets(self) -> Mapping[str, int]:
        """Rows wanted of each sub-dataset; the paper's counts where nothing else is said."""
        return self.mixture.targets("paper" if self.size is None else self.size)


class Assembly:
    """The final pass over the parts in their fixed order."""

    def __init__(self, parts: Sequence[Path], wanted: Wanted, scratch: Path, references: Sequence[Path] = ()) -> None:
        """`references` are parts of rows that the data is kept clear of; `scratch` is a folder for working files."""
        self.rows = BuiltRows([*parts, *references], len(references))
        self.tally = RowTally()
        self.wanted = wanted
        counts = [part.count for part in self.rows.parts]
        texts = StoredTexts([part.texts() for part in self.rows.parts], counts, wanted.near.banding.bands, scratch)
        drop_duplicates(self.rows, texts, wanted.near)
        self.subset = assign(self.rows, wanted.mixture)
        self._cut()
        drop_counterparts(self.rows, texts, wanted.near)
        texts.discard()
        self._count_surplus()

    def _cut(self) -> None:
        """Bring the rows into the proportions that are wanted."""
        wanted = self.wanted
        balance(self.rows, self.subset)
        if wanted.size is not None:
            numbers = {entry.name: number for number, entry in enumerate(wanted.mixture.subsets)}
            keep_targets(self.rows, self.subset, {numbers[name]: rows for name, rows in wanted.targets.items()})
        if wanted.per_task is not None:
            keep_per_task(self.rows, wanted.per_task)

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write all files into `folder`; their names."""
        with Lines(self.rows.paths) as lines:
            write_atomically(folder / DROPPED_FILE, self._skipped(lines))
            write_atomically(folder / CONTAMINATION, self._evidence())
            write_atomically(folder / PENDING, self._requests(lines))
            with ArrayFiles(folder, [COMIT]) as arrays:
                write_atomically(folder / TRAIN, self._training_lines(lines, arrays))
            write_atomically(folder / VALIDATION, (line for _, line in self._lines_of(lines, validation=True)))
            names = [*ROW_FILES[:-1], *sorted(arrays.files, key=lambda name: (name != COMIT, name))]
            for export in self.wanted.exports:
                for side, validation in (("train", False), ("validation", True)):
                    examples = (self.example(lines, row) for row in self._side(validation=validation))
                    names.append(write_export(export, folder, side, examples))
        return tuple(names)

    def _count_surplus(self) -> None:
        for state, counter in (
            (BEYOND_SIZE, self.tally.beyond_size),
            (BEYOND_BALANCE, self.tally.beyond_balance),
        ):
            tasks, counts = np.unique(self.rows.index["task"][self.rows.state == state], return_counts=True)
            for task, count in zip(tasks, counts, strict=True):
                counter[self.rows.names["task"][task]] = int(count)

    def _requests(self, lines: Lines) -> Iterator[bytes]:
        """What is lacking, sub-dataset by sub-dataset in the order of the table."""
        targets = self.wanted.targets if self.wanted.requests else {}
        for entry in lacking(self.rows, self.subset, self.wanted.mixture, targets):
            self.tally.pending[entry.subset.name] = len(entry.rows)
            for row in entry.rows:
                yield encode_row(request_of(self.example(lines, row), entry.subset).to_row())

    def _training_lines(self, lines: Lines, arrays: ArrayFiles) -> Iterator[bytes]:
        """The lines of training; on their way they go to CoMIT.json too, and to the file of their sub-dataset.

        Instruction, input and output are cut out of the lines as they are.
        """
        index, names = self.rows.index, self.rows.names
        for row, line in self._lines_of(lines, validation=False):
            body = b"{%b}" % line[int(index["body"][row]) : int(index["body_end"][row])]
            task, language = names["task"][index["task"][row]], names["text_language"][index["text_language"][row]]
            arrays.add(COMIT, body)
            arrays.add(file_of(self.wanted.mixture, int(self.subset[row]), task, language), body)
            yield line

    def _skipped(self, lines: Lines) -> Iterator[bytes]:
        """What did not become a row and the duplicates, part by part; then what the split takes out."""
        duplicates = np.flatnonzero(np.isin(self.rows.state, list(_REASONS)))
        ends = np.searchsorted(self.rows.part[duplicates], np.arange(len(self.rows.parts) + 1))  # rows lie by part
        for number, part in enumerate(self.rows.parts):
            for line in part.lines("dropped"):
                self._count(json.loads(line))
                yield line
            for row in duplicates[ends[number] : ends[number + 1]]:
                yield self._dropped(lines, row, _REASONS[int(self.rows.state[row])], self._first_of(lines, row))
        for row in self.rows.in_order(self.rows.state == COUNTERPART):
            yield self._dropped(lines, row, COUNTERPART_REASON)

    def _first_of(self, lines: Lines, row: int) -> str:
        """Which row a duplicate repeats: its id, of a row of a file that was named the file and the id there."""
        first = int(self.rows.first[row])
        if self.rows.state[first] != REFERENCE:
            return f"of {self.rows.id_of(first)}"
        origin = self.example(lines, first).origin
        return f"of {origin.path}: {origin.row}"

    def _dropped(self, lines: Lines, row: int, reason: str, detail: str = "") -> bytes:
        record = dropped(self.example(lines, row), reason, detail).to_row()
        self._count(record)
        return encode_row(record)

    def _count(self, record: dict[str, str]) -> None:
        self.tally.dropped[record["source"], record["reason"]] += 1

    def _evidence(self) -> Iterator[bytes]:
        for part in self.rows.parts:
            for line in part.lines("evidence"):
                self.tally.contaminated[json.loads(line)["bench"]] += 1
                yield line

    def _side(self, *, validation: bool) -> list[int]:
        """The rows of one side in their order."""
        rows = self.rows.in_order(self.rows.kept & (self.rows.index["validation"] == validation))
        numbers: list[int] = rows.tolist()
        return numbers

    def _lines_of(self, lines: Lines, *, validation: bool) -> Iterator[tuple[int, bytes]]:
        """The rows of one side with their lines."""
        index = self.rows.index
        for row in self._side(validation=validation):
            yield row, lines.read(int(self.rows.part[row]), int(index["offset"][row]), int(index["length"][row]))

    def example(self, lines: Lines, row: int) -> Example:
        """One row, parsed."""
        index = self.rows.index[row]
        part = int(self.rows.part[row])
        line = lines.read(part, int(index["offset"]), int(index["length"]))
        return Example.from_row(json.loads(line), str(self.rows.paths[part]))
