"""Puts the parts together: decides which rows stay, then writes the files that people read. One deterministic pass.

Rows are copied from disk to disk; what is held for each is a record of about a hundred bytes. They are written in the
order of their ids, which are hashes of their content, so tasks and sources are mixed and the order never depends on
how the work was divided.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from coma_cli.corpus import dedup
from coma_cli.corpus.dropping import dropped
from coma_cli.corpus.minhash import NearRules
from coma_cli.corpus.splitting import TWIN_REASON
from coma_cli.corpus.stored_texts import StoredTexts
from coma_cli.dataset.composition import Tally
from coma_cli.dataset.parts import Lines
from coma_cli.dataset.rows import BEYOND_SIZE, DUPLICATE, IN_REFERENCE, NEAR_DUPLICATE, REFERENCE, TWIN, Rows
from coma_cli.dataset.selection import drop_duplicates, drop_twins, keep_size
from coma_cli.jsonl import encode_row, write_atomically
from coma_cli.records import Example

TRAIN, VALIDATION, DROPPED_FILE = "train.jsonl", "validation.jsonl", "dropped.jsonl"
CONTAMINATION, COMIT = "contamination.jsonl", "CoMIT.json"
_REASONS = {DUPLICATE: dedup.EXACT, NEAR_DUPLICATE: dedup.NEAR, IN_REFERENCE: dedup.IN_REFERENCE}
ROW_FILES = (TRAIN, VALIDATION, DROPPED_FILE, CONTAMINATION, COMIT)


class Assembly:
    """The final pass over the parts in their fixed order."""

    def __init__(
        self,
        parts: Sequence[Path],
        *,
        size: int | None,
        near: NearRules,
        scratch: Path,
        references: Sequence[Path] = (),
    ) -> None:
        """`references` are parts of rows that the data is kept clear of; `scratch` is a folder for a working file."""
        self.rows = Rows([*parts, *references], len(references))
        self.tally = Tally()
        counts = [part.count for part in self.rows.parts]
        bands_file = scratch / "bands"
        texts = StoredTexts([part.texts() for part in self.rows.parts], counts, near.banding.bands, bands_file)
        drop_duplicates(self.rows, texts, near)
        if size is not None:
            keep_size(self.rows, size)
        drop_twins(self.rows, texts, near)
        bands_file.unlink()
        for row in np.flatnonzero(self.rows.state == BEYOND_SIZE).tolist():
            self.tally.beyond_size[self.rows.name_of("task", row)] += 1

    def write(self, folder: Path) -> None:
        """Write the row files into `folder`."""
        with Lines(self.rows.paths) as lines:
            write_atomically(folder / DROPPED_FILE, self._left_out(lines))
            write_atomically(folder / CONTAMINATION, self._evidence())
            write_atomically(folder / TRAIN, self.lines_of(lines, validation=False))
            write_atomically(folder / VALIDATION, self.lines_of(lines, validation=True))
            write_atomically(folder / COMIT, json_array(self.bodies(lines)))

    def _left_out(self, lines: Lines) -> Iterator[bytes]:
        """What did not become a row and the duplicates, part by part; then what the split takes out."""
        duplicates = np.flatnonzero(np.isin(self.rows.state, list(_REASONS)))
        parts = self.rows.part[duplicates]
        for number, part in enumerate(self.rows.parts):
            for line in part.lines("asides"):
                self._count(json.loads(line))
                yield line
            for row in duplicates[parts == number]:
                yield self._dropped(lines, row, _REASONS[int(self.rows.state[row])], self._first_of(lines, row))
        for row in self.rows.in_order(self.rows.state == TWIN):
            yield self._dropped(lines, row, TWIN_REASON)

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

    def lines_of(self, lines: Lines, *, validation: bool) -> Iterator[bytes]:
        """The lines of one side."""
        facts = self.rows.facts
        for row in self.rows.in_order(self.rows.kept & (facts["validation"] == validation)):
            yield lines.read(int(self.rows.part[row]), int(facts["offset"][row]), int(facts["length"][row]))

    def bodies(self, lines: Lines) -> Iterator[bytes]:
        """Instruction, input and output of the training rows as JSON objects, cut out of their lines as they are."""
        facts = self.rows.facts
        for row in self.rows.in_order(self.rows.kept & ~facts["validation"]):
            start, end = int(facts["body"][row]), int(facts["body_end"][row])
            yield b"{%b}" % lines.read(int(self.rows.part[row]), int(facts["offset"][row]) + start, end - start)

    def example(self, lines: Lines, row: int) -> Example:
        """One row, parsed."""
        facts = self.rows.facts[row]
        part = int(self.rows.part[row])
        line = lines.read(part, int(facts["offset"]), int(facts["length"]))
        return Example.from_row(json.loads(line), str(self.rows.paths[part]))


def json_array(objects: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON array of objects that are encoded already, one a line."""
    before = b"[\n"
    for encoded in objects:
        yield before + encoded
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
