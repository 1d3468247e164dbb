"""A part: all results of one unit of work, in one file that is moved into place whole.

    rows        the lines of the rows as train.jsonl will hold them
    dropped     the lines of dropped.jsonl: what did not become a row
    evidence    the lines of contamination.jsonl
    index       one fixed-size record per row (`ROW`): what the final pass needs to know without reading the row
    texts       one fixed-size record per text that is long enough to have near duplicates (`TEXT`)
    hashes      their band hashes: (bands, texts) of 32 bits
    prefilters  the prefilters of their sets: (texts, 64) of 8 bits
    sets        their sets of shingles, 32 bits each, one set after the other
    functions   one fixed-size record for each function that a row shows (`FUNCTION`)
    contents    JSON: where each section begins, the names that the index holds as numbers, counts of what was dropped
    trailer     16 bytes: where `contents` begins, and a mark

So the final pass holds about a hundred bytes per row, and copies lines from disk to disk without parsing them.
"""

import io
import json
import os
import shutil
import struct
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from coma_cli.corpus.decontamination.decontaminate import ContaminatedRow
from coma_cli.corpus.dedup.fingerprints import TextFingerprints
from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.dedup.prefilter import BUCKETS, U8
from coma_cli.corpus.dedup.stored_texts import TextsOfPart
from coma_cli.corpus.lexing import U64, Ints
from coma_cli.dataset.row_index import NAMED, ROW, IndexRow
from coma_cli.jsonl import encode_row
from coma_cli.records import DroppedRow

_LAYOUT = 5  # part of the file name, so that a run begun by an older coma makes its parts again
SUFFIX = f".part{_LAYOUT}"
MARK = b"comapar%d" % _LAYOUT
_TRAILER = struct.Struct("<Q8s")
_SECTIONS = ("rows", "dropped", "evidence")
_SETS, _FUNCTIONS = "sets", "functions"
TEXT = np.dtype([("group", "<u8"), ("row", "<u4"), ("size", "<u4")])
FUNCTION = np.dtype([("key", "<u8"), ("row", "<u4")])
_IN_MEMORY = 4 << 20
_OPEN_FILES = 128


class PartWriter:
    """Writes one part; a context manager that moves the part into place only once it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._spooled: dict[str, IO[bytes]] = {}
        self._index: list[tuple[Any, ...]] = []
        self._names: dict[str, dict[str, int]] = {name: {} for name in NAMED}
        self._texts: list[npt.NDArray[np.void]] = []
        self._hashes: list[U32] = []
        self._prefilters: list[U8] = []
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._benchmarks: Counter[str] = Counter()
        self._offset = 0

    def __enter__(self) -> Self:
        self._rows = self._temporary.open("wb")
        spooled = (*_SECTIONS[1:], _SETS, _FUNCTIONS)
        self._spooled = {name: tempfile.SpooledTemporaryFile(_IN_MEMORY) for name in spooled}  # noqa: SIM115
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._rows.close()
            for handle in self._spooled.values():
                handle.close()
            self._temporary.unlink(missing_ok=True)

    def restart(self) -> None:
        """Forget everything written so far."""
        for handle in (self._rows, *self._spooled.values()):
            handle.seek(0)
            handle.truncate()
        for kept in (self._index, self._texts, self._hashes, self._prefilters, self._reasons, self._benchmarks):
            kept.clear()
        self._offset = 0

    def row(self, line: bytes, index_row: IndexRow) -> None:
        """Add the line of one row."""
        named = tuple(self._number(name, value) for name, value in zip(NAMED, index_row.named, strict=True))
        self._index.append((self._offset, len(line), *named, *index_row.numbers))
        self._rows.write(line)
        self._offset += len(line)

    def texts(self, fingerprints: TextFingerprints) -> None:
        """Add the fingerprints of the texts of the rows to be added next."""
        made = np.empty(len(fingerprints.rows), dtype=TEXT)
        made["row"], made["group"], made["size"] = (
            fingerprints.rows + len(self._index),
            fingerprints.groups,
            fingerprints.sizes,
        )
        self._texts.append(made)
        self._hashes.append(fingerprints.hashes)
        self._prefilters.append(fingerprints.prefilters)
        self._spooled[_SETS].write(fingerprints.sets.tobytes())

    def functions(self, keys: U64, rows: Ints) -> None:
        """Add the keys of the functions that the rows to be added next show, each with its row among them."""
        made = np.empty(len(keys), dtype=FUNCTION)
        made["key"], made["row"] = keys, rows + len(self._index)
        self._spooled[_FUNCTIONS].write(made.tobytes())

    def dropped(self, row: DroppedRow) -> None:
        """Add what did not become a row."""
        self._spooled["dropped"].write(encode_row(row.to_row()))
        self._reasons[row.source, row.reason] += 1

    def evidence(self, row: ContaminatedRow) -> None:
        """Add the evidence of a contaminated row."""
        self._spooled["evidence"].write(encode_row(row.to_row()))
        self._benchmarks[row.bench] += 1

    def _number(self, kind: str, value: str) -> int:
        numbers = self._names[kind]
        return numbers.setdefault(value, len(numbers))

    def _finish(self) -> None:
        ends = [self._offset]
        for name in _SECTIONS[1:]:
            ends.append(self._append(name))
        self._rows.write(np.array(self._index, dtype=ROW).tobytes())
        texts, hashes = np.concatenate([np.empty(0, dtype=TEXT), *self._texts]), b""
        if self._hashes:
            hashes = np.concatenate(self._hashes, axis=1).tobytes()
        self._rows.write(texts.tobytes() + hashes)
        self._rows.writelines(with_prefilter.tobytes() for with_prefilter in self._prefilters)
        functions_at = self._append(_SETS)
        start = self._append(_FUNCTIONS)
        names = {kind: list(numbers) for kind, numbers in self._names.items()}
        contents = {
            "ends": ends,
            "rows": len(self._index),
            "texts": len(texts),
            "hash_bytes": len(hashes),
            "functions": [functions_at, (start - functions_at) // FUNCTION.itemsize],
            "names": names,
            "dropped": [[*key, count] for key, count in self._reasons.items()],
            "contaminated": self._benchmarks,
        }
        self._rows.write(json.dumps(contents).encode("ascii") + _TRAILER.pack(start, MARK))
        self._rows.flush()
        os.fsync(self._rows.fileno())
        self._rows.close()
        self._temporary.replace(self._path)

    def _append(self, section: str) -> int:
        """Copy a spooled section to the end of the file; returns where it ends."""
        handle = self._spooled[section]
        handle.seek(0)
        shutil.copyfileobj(handle, self._rows, 1 << 20)
        return self._rows.tell()


@dataclass(frozen=True)
class Part:
    """A finished part of `count` rows; `dropped` counts by source and reason, `contaminated` by benchmark."""

    path: Path
    count: int
    names: Mapping[str, Sequence[str]]
    dropped: Mapping[tuple[str, str], int]
    contaminated: Mapping[str, int]
    ends: Mapping[str, int]  # where the sections of lines end
    text_count: int
    hash_bytes: int
    functions_at: int
    function_count: int

    @classmethod
    def open(cls, path: Path) -> Self:
        """The part in a file; reads only its table of contents."""
        with path.open("rb") as handle:
            handle.seek(-_TRAILER.size, io.SEEK_END)
            end = handle.tell()
            start, mark = _TRAILER.unpack(handle.read())
            assert mark == MARK, path
            handle.seek(start)
            contents = json.loads(handle.read(end - start))
        return cls(
            path=path,
            count=contents["rows"],
            names=contents["names"],
            dropped={(source, reason): count for source, reason, count in contents["dropped"]},
            contaminated=contents["contaminated"],
            ends=dict(zip(_SECTIONS, contents["ends"], strict=True)),
            text_count=contents["texts"],
            hash_bytes=contents["hash_bytes"],
            functions_at=contents["functions"][0],
            function_count=contents["functions"][1],
        )

    def index(self) -> npt.NDArray[np.void]:
        """The row index: (rows,) of `ROW`."""
        return np.fromfile(self.path, dtype=ROW, count=self.count, offset=self._index_at)

    @property
    def _index_at(self) -> int:
        return self.ends[_SECTIONS[-1]]

    def functions(self) -> npt.NDArray[np.void]:
        """The functions that its rows show: (functions,) of `FUNCTION`, with the numbers of the rows in the part."""
        return np.fromfile(self.path, dtype=FUNCTION, count=self.function_count, offset=self.functions_at)

    def texts(self) -> TextsOfPart:
        """The fingerprints of the texts of its rows, and where their larger pieces are stored."""
        start = self._index_at + self.count * ROW.itemsize
        made = np.fromfile(self.path, dtype=TEXT, count=self.text_count, offset=start)
        hashes_at = start + self.text_count * TEXT.itemsize
        prefilters_at = hashes_at + self.hash_bytes
        return TextsOfPart(
            path=self.path,
            rows=made["row"].astype(np.int64),
            groups=made["group"].copy(),
            sizes=made["size"].astype(np.int64),
            hashes_at=hashes_at,
            prefilters_at=prefilters_at,
            sets_at=prefilters_at + self.text_count * BUCKETS,
        )

    def lines(self, section: str) -> Iterator[bytes]:
        """The lines of the section `dropped` or `evidence`."""
        start = self.ends[_SECTIONS[_SECTIONS.index(section) - 1]]
        with self.path.open("rb") as handle:
            handle.seek(start)
            while handle.tell() < self.ends[section]:
                yield handle.readline()


class Lines:
    """Reads rows of many parts by their offsets; keeps the most recently used files open."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open: OrderedDict[int, int] = OrderedDict()

    def read(self, part: int, offset: int, length: int) -> bytes:
        """The line at an offset."""
        return os.pread(self._descriptor(part), length, offset)

    def _descriptor(self, part: int) -> int:
        if part in self._open:
            self._open.move_to_end(part)
            return self._open[part]
        if len(self._open) >= _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        self._open[part] = os.open(self._paths[part], os.O_RDONLY | os.O_CLOEXEC)
        return self._open[part]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.popitem()[1])
