"""Puts the parts together: duplicates, size, split; then the files that people read. One deterministic pass.

Rows stay on disk: what is held for each is its id, its place in the parts and a few digests. Rows are written in the
order of their ids, which are hashes of their content, so tasks and sources are mixed and the order never depends on
how the work was divided.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.corpus.decontaminate import ContaminatedRow
from coma_cli.corpus.dedup import ExactDuplicates
from coma_cli.corpus.dropping import dropped
from coma_cli.corpus.splitting import TWIN_REASON, Side, side_of, signatures
from coma_cli.dataset.building import CONTAMINATED, DROPPED, EXAMPLE
from coma_cli.jsonl import encode_row, write_atomically, write_rows
from coma_cli.records import DroppedRow, Example

TRAIN, VALIDATION, DROPPED_FILE = "train.jsonl", "validation.jsonl", "dropped.jsonl"
CONTAMINATION, COMIT = "contamination.jsonl", "CoMIT.json"
ROW_FILES = (TRAIN, VALIDATION, DROPPED_FILE, CONTAMINATION, COMIT)


class Place(NamedTuple):
    """Where a kept row lies, and what has to be known of it without reading it again."""

    id: str
    task: str
    part: int
    offset: int
    side: Side
    signatures: tuple[bytes, ...]


@dataclass
class Tally:
    """What the pass counted."""

    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    contaminated: Counter[str] = field(default_factory=Counter)
    beyond_size: Counter[str] = field(default_factory=Counter)

    def drop(self, row: DroppedRow) -> DroppedRow:
        """Count a row that is left out, and hand it on."""
        self.dropped[row.source, row.reason] += 1
        return row


class Assembly:
    """The final pass over part files in their fixed order."""

    def __init__(self, parts: Sequence[Path], *, validation_share: float, seed: int, size: int | None) -> None:
        self._parts = parts
        self._share = validation_share
        self._seed = seed
        self._size = size
        self._places: list[Place] = []
        self._hits: list[ContaminatedRow] = []
        self.tally = Tally()

    def write(self, folder: Path, on_row: Callable[[Side, Example], None]) -> None:
        """Write the row files into `folder`; `on_row` sees every row of the data as it is written."""
        self._places, self._hits, self.tally = [], [], Tally()
        write_rows(folder / DROPPED_FILE, (row.to_row() for row in self._left_out()))
        write_rows(folder / CONTAMINATION, (hit.to_row() for hit in self._hits))
        for side, name in (("train", TRAIN), ("validation", VALIDATION)):
            rows = (self._seen(example, side, on_row) for example in self._rows_of(side))
            write_rows(folder / name, (example.to_row() for example in rows))
        write_atomically(folder / COMIT, comit_json(self._rows_of("train")))

    @staticmethod
    def _seen(example: Example, side: Any, on_row: Callable[[Side, Example], None]) -> Example:
        on_row(side, example)
        return example

    def _left_out(self) -> Iterator[DroppedRow]:
        """Everything that does not get in, found on the way in this order; afterwards the places are those that do."""
        duplicates = ExactDuplicates()
        for number, part in enumerate(self._parts):
            for offset, kind, row in _lines(part):
                if kind == DROPPED:
                    yield self.tally.drop(DroppedRow.from_row(row, str(part)))
                elif kind == CONTAMINATED:
                    self._hits.append(ContaminatedRow.from_row(row, str(part)))
                    self.tally.contaminated[self._hits[-1].bench] += 1
                elif kind == EXAMPLE:
                    example = Example.from_row(row, str(part))
                    twin = duplicates.twin_of(example)
                    if twin is not None:
                        yield self.tally.drop(dropped(example, "duplicate", f"of {twin}"))
                    else:
                        self._places.append(self._place(example, number, offset))
        self._places = self._within_size(sorted(self._places))
        yield from self._twins()

    def _place(self, example: Example, part: int, offset: int) -> Place:
        side = side_of(example, self._share, self._seed)
        return Place(example.id, example.task, part, offset, side, signatures(example))

    def _within_size(self, places: list[Place]) -> list[Place]:
        """The first rows of each task by id, up to the size asked for."""
        if self._size is None:
            return places
        count: Counter[str] = Counter()
        kept = []
        for place in places:
            count[place.task] += 1
            if count[place.task] <= self._size:
                kept.append(place)
            else:
                self.tally.beyond_size[place.task] += 1
        return kept

    def _twins(self) -> Iterator[DroppedRow]:
        """Takes validation rows that repeat a text of a training row out of the places."""
        trained = {signature for place in self._places if place.side == "train" for signature in place.signatures}
        kept = []
        for place in self._places:
            if place.side == "train" or trained.isdisjoint(place.signatures):
                kept.append(place)
            else:
                yield self.tally.drop(dropped(self._read(place), TWIN_REASON))
        self._places = kept

    def _rows_of(self, side: str) -> Iterator[Example]:
        return (self._read(place) for place in self._places if place.side == side)

    def _read(self, place: Place) -> Example:
        with self._parts[place.part].open("rb") as handle:
            handle.seek(place.offset)
            return Example.from_row(json.loads(handle.readline())["row"], str(self._parts[place.part]))


def _lines(part: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    offset = 0
    with part.open("rb") as handle:
        for line in handle:
            value = json.loads(line)
            yield offset, value["kind"], value["row"]
            offset += len(line)


def comit_json(examples: Iterable[Example]) -> Iterator[bytes]:
    """CoMIT's own form: one JSON array of objects with exactly instruction, input and output; one object a line."""
    before = b"[\n"
    for example in examples:
        row = {"instruction": example.instruction, "input": example.input, "output": example.output}
        yield before + encode_row(row).rstrip(b"\n")
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


class Composition:
    """Counts what the data is made of while its rows are written, and keeps one readable example of each task."""

    EXAMPLE_CHARS = 1200

    def __init__(self) -> None:
        self.rows: Counter[Side] = Counter()
        self.by: dict[str, Counter[tuple[str, Side]]] = defaultdict(Counter)
        self.shown: dict[str, Example] = {}

    def add(self, side: Side, example: Example) -> None:
        """Count one row."""
        self.rows[side] += 1
        for name in ("task", "source", "language", "text_language", "licence"):
            self.by[name][getattr(example, name), side] += 1
        length = len(example.instruction) + len(example.input) + len(example.output)
        if side == "train" and example.task not in self.shown and length <= self.EXAMPLE_CHARS:
            self.shown[example.task] = example
