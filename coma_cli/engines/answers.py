"""The journal of paid answers: one file per workspace, keyed by request, so that no answer is paid for twice.

An answer is written as soon as it arrives, completely or not at all: one write under a short lock, and a torn tail left
by a killed process is truncated before the next write. A corrupt line is reported once, copied to a separate file and
overwritten with spaces, so that no offset moves. Several processes may use the journal at once. A claim, held by a file
lock that dies with its process, keeps two of them from making the same request at the same time.

Where the answers are is kept in an index beside the file (`answer_index.py`); only what was added since is read.
"""

import contextlib
import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coma_cli.engines.answer_index import NOTHING_INDEXED, read_index
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import CorruptLine, encode_row, repair_torn_tail, sha256_of
from coma_cli.records import Record
from coma_cli.words import shortened

ANSWERS_FILE = "answers.jsonl"
BROKEN_FILE = "broken-lines.txt"  # corrupt lines of the journal, unchanged
_CLAIMS_FILE, _INDEX_FILE = ".claims", ".answers.index"
READ_BLOCK = 1 << 24  # bytes; the system reads at most 2 GiB at once, and memory should not grow with the file
INDEX_AT_CLOSE, INDEX_WHILE_OPEN = 1_000, 20_000  # minimum of new answers to write the index again
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

    Rows stay on disk; memory holds a key and an offset for each that the index lacks. Of two answers to one request the
    first counts, so that what was made from it stays valid. Thread-safe; open a folder only once per process, since
    POSIX locks belong to processes.
    """

    def __init__(self, folder: Path, *, on_corrupt: Callable[[CorruptLine], None] | None = None) -> None:
        self.path = folder / ANSWERS_FILE
        self._on_corrupt = on_corrupt or (lambda corrupt: None)
        self._index = NOTHING_INDEXED
        self._places: dict[str, tuple[int, int]] = {}  # of answers behind what is indexed
        self._lost: set[int] = set()  # offsets of indexed lines that turned out broken
        self._read_to = 0
        self._lines = 0
        self._broken: list[tuple[int, int]] = []
        self._guard = threading.RLock()
        self._claim_guard = threading.Lock()
        self._claimed: set[str] = set()
        self._synced_at = time.monotonic()
        self._descriptor = self._claims = -1
        self.torn_bytes = 0

    def __len__(self) -> int:
        return len(self._index) - len(self._lost) + len(self._places)

    def get(self, key: str) -> Answer | None:
        """The answer to a request, even if another process has just written it."""
        with self._guard:
            if key not in self._places:
                self._refresh()
            return self._indexed(key) or self._read(key, self._places.get(key))

    def _indexed(self, key: str) -> Answer | None:
        if not len(self._index):
            return None
        places = (place for place in self._index.places(key) if place[0] not in self._lost)
        return next((answer for place in places if (answer := self._read(key, place)) is not None), None)

    def _read(self, key: str, place: tuple[int, int] | None) -> Answer | None:
        """The answer at a place; None if its line is broken, which is reported, or has another key."""
        if place is None:
            return None
        line = os.pread(self._descriptor, place[1], place[0])
        try:
            answer = _checked(Answer.from_row(_object(line), str(self.path)))
        except (ValueError, RecursionError, MissingInputError) as error:
            self._lost.add(place[0])
            reason = f"not an answer any more ({shortened(str(error), 120)})"
            self._on_corrupt(CorruptLine(self.path, self._line_at(place[0]), reason))
            return None
        return answer if answer.key == key else None

    def _line_at(self, offset: int) -> int:
        """The number of the line that begins at an offset."""
        blocks = (
            os.pread(self._descriptor, min(READ_BLOCK, offset - start), start) for start in range(0, offset, READ_BLOCK)
        )
        return 1 + sum(block.count(b"\n") for block in blocks)

    def append(self, answer: Answer) -> None:
        """Write an answer permanently."""
        self.append_all([answer])

    def append_all(self, answers: Sequence[Answer]) -> None:
        """Write answers permanently, all in one write."""
        if not answers:
            return
        lines = [encode_row(answer.to_row()) for answer in answers]
        with self._guard, self._locked():
            self._refresh()
            if os.fstat(self._descriptor).st_size > self._read_to:  # another process died while it was writing
                repair_torn_tail(self.path)
            data = memoryview(b"".join(lines))
            while data:
                data = data[os.write(self._descriptor, data) :]
            for answer, line in zip(answers, lines, strict=True):
                self._add(answer.key, len(line))
            if time.monotonic() - self._synced_at > _SYNC_INTERVAL_S:
                self.sync()
            if len(self._places) >= INDEX_WHILE_OPEN:
                self._write_index()

    def _add(self, key: str, length: int) -> None:
        """Note an answer in the line that begins where reading has come to; of two answers the first counts."""
        self._lines += 1
        place = (self._read_to, length)
        self._read_to += length
        if key not in self._places and self._indexed(key) is None:
            self._places[key] = place

    def _write_index(self) -> None:
        """Write the index again with all that was read; call with the lock held."""
        if self._broken:
            return  # opening the journal stores them separately, and it reads what is not indexed only
        self._index = self._index.extended(self._places, self._read_to, self._lines)
        self._places = {}
        with contextlib.suppress(OSError):  # it only saves time
            self._index.write(self.path.with_name(_INDEX_FILE), self._descriptor, Answer.SCHEMA_VERSION)

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
        with self._claim_guard:
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
        with self._claim_guard:
            self._claimed.discard(key)
            if self._claims >= 0:
                fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _claim_byte(key))

    def close(self) -> None:
        """Flush to disk, release claims and close; may be called twice."""
        with self._guard:
            if self._descriptor >= 0:
                if len(self._places) >= INDEX_AT_CLOSE:
                    with self._locked():
                        self._write_index()
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
            self._index = read_index(self.path.with_name(_INDEX_FILE), self._descriptor, Answer.SCHEMA_VERSION)
            self._read_to, self._lines = self._index.covered, self._index.lines
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
        if os.fstat(self._descriptor).st_size > self._read_to:
            for line in _lines(self._descriptor, self._read_to):
                self._take(line)

    def _take(self, line: bytes) -> None:
        start, origin = self._read_to, f"{self.path}:{self._lines + 1}"
        answer = None
        try:
            if line.strip():
                row = _object(line)
                answer = _checked(Answer.from_row(row, origin))
        except (ValueError, RecursionError) as error:
            self._on_corrupt(CorruptLine(self.path, self._lines + 1, f"not an answer ({shortened(str(error), 120)})"))
            self._broken.append((start, len(line)))
        except MissingInputError as error:
            reason = error.message.removeprefix(f"{origin}: ").rstrip(".")
            self._on_corrupt(CorruptLine(self.path, self._lines + 1, reason))
            # Answers with another schema were paid for too: the version of coma that wrote them can read them.
            if row.get("schema_version", Answer.SCHEMA_VERSION) == Answer.SCHEMA_VERSION:
                self._broken.append((start, len(line)))
        else:
            if answer is not None:
                self._add(answer.key, len(line))
                return
        self._lines += 1
        self._read_to += len(line)

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


def _lines(descriptor: int, start: int) -> Iterator[bytes]:
    """The complete lines of a file from an offset on, split only at newlines, read in blocks."""
    rest = b""
    while block := os.pread(descriptor, READ_BLOCK, start):
        start += len(block)
        *lines, last = block.split(b"\n")
        if lines:
            lines[0] = rest + lines[0]
            yield from (line + b"\n" for line in lines)
            rest = last
        else:
            rest += last


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
