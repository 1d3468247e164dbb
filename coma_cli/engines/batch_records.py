"""The batches of a workspace that are at a server: on disk before anything is sent, so that a killed run finds them.

Beside the journal of answers: `batches.jsonl` says how far each batch is, `batches/ID.jsonl` which requests it holds.
One process at a time uses them, held by a lock that dies with it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from coma_cli.errors import UsageError
from coma_cli.journal import Journal
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.records import Record

BATCHES_FILE, BATCHES_FOLDER = "batches.jsonl", "batches"


class BatchRecord(Record):
    """How far a batch is: its requests are on disk, its file is at the server, it was started, it was collected.

    `server` is the base URL that it was sent to; `not_sent` are fields that the server does not take.
    """

    id: str
    state: Literal["prepared", "uploaded", "started", "collected"]
    server: str
    endpoint: str
    requests: int
    file_id: str = ""
    batch_id: str = ""
    not_sent: tuple[str, ...] = ()
    time: str = ""

    @property
    def key(self) -> str:
        return self.id


class BatchBook:
    """The batches of one workspace, opened by `opened`."""

    def __init__(self, folder: Path, journal: Journal[BatchRecord]) -> None:
        self._folder = folder
        self._journal = journal
        self._records = {record.id: record for record in journal.rows()}

    def add(self, record: BatchRecord, requests: list[dict[str, Any]]) -> BatchRecord:
        """A new batch; its requests are rows of key and content."""
        (self._folder / BATCHES_FOLDER).mkdir(exist_ok=True)
        write_rows(self._file(record), requests)
        return self.note(record)

    def note(self, record: BatchRecord, **changes: Any) -> BatchRecord:
        """Write how far a batch is, at once and flushed to disk."""
        changed = record.model_copy(update=changes)
        self._journal.append(changed)
        self._journal.sync()
        self._records[changed.id] = changed
        return changed

    def left(self, server: str) -> list[BatchRecord]:
        """The batches of a server that are not collected yet, in the order in which they were made."""
        return [r for r in self._records.values() if r.server == server and r.state != "collected"]

    def requests(self, record: BatchRecord) -> list[dict[str, Any]]:
        """The requests of a batch: rows of `key` and `content`."""
        return list(read_rows(self._file(record)))

    def _file(self, record: BatchRecord) -> Path:
        return self._folder / BATCHES_FOLDER / f"{record.id}.jsonl"


@contextmanager
def opened(folder: Path) -> Iterator[BatchBook]:
    """The batches of a workspace, whose folder of answers is given.

    Raises:
        UsageError: another process uses them.
    """
    with (folder / ".batches.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "Another run of this workspace has batches at its server.", "Wait for it, or use another --workspace."
            ) from None
        with Journal.open(folder / BATCHES_FILE, BatchRecord) as journal:
            yield BatchBook(folder, journal)


def has_batches(folder: Path) -> bool:
    """Whether this workspace ever had batches."""
    return (folder / BATCHES_FILE).exists()


def keys_at_servers(folder: Path) -> frozenset[str]:
    """The keys of all requests in batches that are not collected yet."""
    if not has_batches(folder):
        return frozenset()
    records = {row["id"]: row for row in read_rows(folder / BATCHES_FILE, lambda corrupt: None)}
    files = [folder / BATCHES_FOLDER / f"{name}.jsonl" for name, row in records.items() if row["state"] != "collected"]
    return frozenset(row["key"] for file in files for row in read_rows(file))


def new_id() -> str:
    """An id for a batch, which no other one has."""
    return os.urandom(8).hex()
