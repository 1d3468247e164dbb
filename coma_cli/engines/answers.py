"""The journal of paid answers: one file per workspace, keyed by request, so that no answer is paid for twice.

An answer is written as soon as it arrives, completely or not at all: one write under a short lock, and a torn tail left
by a killed process is truncated before the next write. A corrupt line is reported once, copied to a separate file and
overwritten with spaces, so that no offset moves. Several processes may use the journal at once. A claim, held by a file
lock that dies with its process, keeps two of them from making the same request at the same time.
"""

import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import CorruptLine, encode_row, repair_torn_tail, sha256_of
from coma_cli.records import Record
from coma_cli.words import shortened

ANSWERS_FILE = "answers.jsonl"
BROKEN_FILE = "broken-lines.txt"  # corrupt lines of the journal, unchanged
_CLAIMS_FILE = ".claims"
_SYNC_INTERVAL_S = 1.0
_ROOM_FOR_ANSWER = 1 << 16  # bytes; twice a prompt and an answer of some thousand tokens each
_CLAIM_RANGE = 1 << 62


class Answer(Record):
    """One answer of a remote model, with its request; `finish_reason` is the server's.

    `not_sent` are fields of the request that the server does not take.
    """

    request_sha256: str
    request: dict[str, Any]
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    usage_reported: bool = True
    served_by: str = ""
    created: str = ""
    reasoning: str = ""
    reasoning_tokens: int = 0
    system_fingerprint: str = ""
    not_sent: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.request_sha256


def request_sha256(request: Mapping[str, Any]) -> str:
    """The key of an answer: a hash (hex) of the content of its request."""
    return sha256_of(dict(request))


def now() -> str:
    """The current time, as written in rows."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class AnswerJournal:
    """The answers of one workspace; a context manager, which opens the file on entering.

    Rows stay on disk; memory holds a key and an offset for each. Of two answers to one request the first counts, so
    that what was made from it stays valid. Thread-safe; open a folder only once per process, since POSIX locks belong
    to processes.
    """

    def __init__(self, folder: Path, *, on_corrupt: Callable[[CorruptLine], None] | None = None) -> None:
        self.path = folder / ANSWERS_FILE
        self._on_corrupt = on_corrupt or (lambda corrupt: None)
        self._places: dict[str, tuple[int, int]] = {}
        self._read_to = 0
        self._lines = 0
        self._broken: list[tuple[int, int]] = []
        self._guard = threading.RLock()
        self._claimed: set[str] = set()
        self._synced_at = time.monotonic()
        self._descriptor = self._claims = -1
        self.torn_bytes = 0

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Answer | None:
        """The answer to a request, even if another process has just written it."""
        with self._guard:
            if key not in self._places:
                self._refresh()
            place = self._places.get(key)
            if place is None:
                return None
            row = json.loads(os.pread(self._descriptor, place[1], place[0]))
            return Answer.from_row(row, str(self.path))

    def append(self, answer: Answer) -> None:
        """Write an answer permanently."""
        with self._guard, self._locked():
            repair_torn_tail(self.path)
            data = memoryview(encode_row(answer.to_row()))
            while data:
                data = data[os.write(self._descriptor, data) :]
            self._refresh()
            if time.monotonic() - self._synced_at > _SYNC_INTERVAL_S:
                self.sync()

    def require_room(self, answers: int) -> None:
        """Make sure that this many answers can be written before they are paid for.

        Raises:
            OSError: the disk is full, or nearly so.
        """
        disk = os.fstatvfs(self._descriptor)
        if disk.f_bavail * disk.f_frsize < answers * _ROOM_FOR_ANSWER:
            raise OSError(errno.ENOSPC, "no space left for the answers in flight", str(self.path))

    def sync(self) -> None:
        """Flush to disk; done about once a second while appending, and on close."""
        os.fsync(self._descriptor)
        self._synced_at = time.monotonic()

    def claim(self, key: str) -> bool:
        """Claim a request; False while another thread or process has claimed it."""
        with self._guard:
            if key in self._claimed:
                return False
            try:
                fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _claim_byte(key))
            except OSError:
                return False
            self._claimed.add(key)
            return True

    def release(self, key: str) -> None:
        """Release a claim."""
        with self._guard:
            self._claimed.discard(key)
            if self._claims >= 0:
                fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _claim_byte(key))

    def close(self) -> None:
        """Flush to disk, release claims and close; may be called twice."""
        with self._guard:
            if self._descriptor >= 0:
                self.sync()
                os.close(self._descriptor)
                os.close(self._claims)
                self._descriptor = self._claims = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        claims = self.path.with_name(_CLAIMS_FILE)
        self._claims = os.open(claims, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with self._locked():
            self.torn_bytes = repair_torn_tail(self.path)
            self._refresh()
            self._put_aside()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _locked(self) -> "_FileLock":
        return _FileLock(self._descriptor)

    def _refresh(self) -> None:
        """Read the complete lines added since the last call."""
        size = os.fstat(self._descriptor).st_size
        if size <= self._read_to:
            return
        data = os.pread(self._descriptor, size - self._read_to, self._read_to)
        for line in _lines(data):
            self._take(line)

    def _take(self, line: bytes) -> None:
        self._lines += 1
        start, self._read_to = self._read_to, self._read_to + len(line)
        if not line.strip():
            return
        origin = f"{self.path}:{self._lines}"
        try:
            row = _object(line)
            answer = _checked(Answer.from_row(row, origin))
        except (ValueError, RecursionError) as error:
            self._on_corrupt(CorruptLine(self.path, self._lines, f"not an answer ({shortened(str(error), 120)})"))
            self._broken.append((start, len(line)))
        except MissingInputError as error:
            self._on_corrupt(CorruptLine(self.path, self._lines, error.message.removeprefix(f"{origin}: ").rstrip(".")))
            # Answers with another schema were paid for too: the version of coma that wrote them can read them.
            if row.get("schema_version", Answer.SCHEMA_VERSION) == Answer.SCHEMA_VERSION:
                self._broken.append((start, len(line)))
        else:
            self._places.setdefault(answer.key, (start, len(line)))

    def _put_aside(self) -> None:
        """Copy corrupt lines to their own file, then overwrite them with spaces; call with the lock held.

        Other processes hold offsets into this file, so it is never rewritten.
        """
        if not self._broken:
            return
        with self.path.with_name(BROKEN_FILE).open("ab") as aside, self.path.open("r+b") as journal:
            for start, length in self._broken:
                aside.write(os.pread(self._descriptor, length, start))
            aside.flush()
            os.fsync(aside.fileno())
            for start, length in self._broken:
                journal.seek(start)
                journal.write(b" " * (length - 1))
        self._broken = []


def _object(line: bytes) -> dict[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {type(value).__name__}, not an object")
    return value


def _checked(answer: Answer) -> Answer:
    if request_sha256(answer.request) != answer.request_sha256:
        raise ValueError("its key is not the hash of its request")
    return answer


def _lines(data: bytes) -> list[bytes]:
    """Complete lines, split only at newlines."""
    return [part + b"\n" for part in data.split(b"\n")[:-1]]


def _claim_byte(key: str) -> int:
    """The byte of the claims file that represents a request; the file itself stays empty."""
    return int(key[:16], 16) % _CLAIM_RANGE


class _FileLock:
    """An exclusive lock on the answers, held for one write."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
