"""A keyed file of rows that grows as work is done and survives `kill -9` at any byte.

A row counts once its line is complete. Opening a journal truncates a torn last line and reads which keys are done;
failures are to be retried; the last row of a key counts.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from coma_cli.jsonl import (
    CorruptLine,
    encode_row,
    numbered_rows,
    parse_line,
    read_rows,
    repair_torn_tail,
    write_atomically,
)
from coma_cli.records import Record

R = TypeVar("R", bound=Record)
_SYNC_INTERVAL_S = 1.0
_CLOSED = -1


class Journal(Generic[R]):
    """The rows of one kind of record in one file; a context manager, made by `open`."""

    def __init__(self, path: Path, record: type[R], on_corrupt: Callable[[CorruptLine], None]) -> None:
        """A closed journal without rows; see `open`."""
        self.path = path
        self.record = record
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self._on_corrupt = on_corrupt
        self._descriptor = _CLOSED
        self._synced_at = 0.0

    @classmethod
    def open(
        cls, path: Path, record: type[R], *, on_corrupt: Callable[[CorruptLine], None] = lambda corrupt: None
    ) -> Self:
        """Repair a file's torn tail, read which keys are done, and open it for appending; created if absent."""
        repair_torn_tail(path)
        journal = cls(path, record, on_corrupt)
        for row in journal.rows():
            journal._note(row)
        journal._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        journal._synced_at = time.monotonic()
        return journal

    def __contains__(self, key: str) -> bool:
        """Whether there is a row of that key that is not a failure."""
        return key in self.done

    def __len__(self) -> int:
        return len(self.done)

    def append(self, row: R) -> None:
        """Add one row."""
        self.append_all([row])

    def append_all(self, rows: Iterable[R]) -> None:
        """Add rows that belong together in one write, so that a kill leaves all of them or none."""
        batch = list(rows)
        _write_all(self._descriptor, b"".join(encode_row(row.to_row()) for row in batch))
        for row in batch:
            self._note(row)
        if time.monotonic() - self._synced_at > _SYNC_INTERVAL_S:
            self.sync()

    def sync(self) -> None:
        """Flush to disk; done about every second of appending, and on closing."""
        os.fsync(self._descriptor)
        self._synced_at = time.monotonic()

    def rows(self) -> Iterator[R]:
        """All rows in the file's order, failures and superseded ones too; broken lines are reported and skipped."""
        if not self.path.exists():
            return
        for number, row in numbered_rows(self.path, self._on_corrupt):
            yield self.record.from_row(row, f"{self.path}:{number}")

    def _note(self, row: R) -> None:
        key = row.key
        if row.failed:
            self.failed.add(key)
            self.done.discard(key)
        else:
            self.done.add(key)
            self.failed.discard(key)

    def close(self) -> None:
        """Flush to disk and close; closing twice is fine."""
        if self._descriptor != _CLOSED:
            self.sync()
            os.close(self._descriptor)
            self._descriptor = _CLOSED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def natural_order(key: str) -> list[Any]:
    """A sort key that puts HumanEval/2 before HumanEval/10; text and numbers alternate, so keys always compare."""
    return [int(part) if position % 2 else part for position, part in enumerate(re.split(r"(\d+)", key))]


def sort_by_key(path: Path, record: type[Record]) -> int:
    """Rewrite a journal's file in the order of its keys, with the last row of each; returns the number of rows.

    Memory grows with the number of rows, not with their size: lines are copied from the old file by offset.
    """
    places: dict[str, tuple[int, int]] = {}
    offset = 0
    with path.open("rb") as handle:
        for line in handle:
            row = parse_line(line)
            if isinstance(row, dict):
                places[record.from_row(row, str(path)).key] = (offset, len(line))
            offset += len(line)

    def lines() -> Iterator[bytes]:
        with path.open("rb") as source:
            for key in sorted(places, key=natural_order):
                start, length = places[key]
                source.seek(start)
                yield source.read(length)

    write_atomically(path, lines())
    return len(places)


def content_sha256(path: Path, volatile: frozenset[str]) -> str:
    """SHA-256 (hex) of a row file without its volatile fields; of the plain bytes if it has none."""
    digest = hashlib.sha256()
    if not volatile:
        with path.open("rb") as handle:
            for block in iter(lambda: handle.read(1 << 20), b""):
                digest.update(block)
        return digest.hexdigest()
    for row in read_rows(path, lambda corrupt: None):
        digest.update(encode_row({name: value for name, value in row.items() if name not in volatile}))
    return digest.hexdigest()
