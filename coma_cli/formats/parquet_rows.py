"""Rows out of Parquet, a batch at a time. pyarrow is imported only when such a file is read."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from coma_cli.errors import missing_package
from coma_cli.formats.data_file import BrokenSourceError, DataFile, Piece
from coma_cli.formats.files import unpacked
from coma_cli.jsonl import JsonRow
from coma_cli.words import shortened


@dataclass(frozen=True)
class Extent:
    """How much of a Parquet file is in memory: which of its columns (None: all of them), and the rows of a batch.

    Where one of the `needed` columns is absent, all are read, so that a message can name what is there.
    """

    columns: tuple[str, ...] | None = None
    rows_at_once: int = 1000
    needed: tuple[str, ...] = ()

    def chosen(self, there: Sequence[str]) -> list[str] | None:
        """The columns to read, of those that are there; None for all."""
        if self.columns is None or not set(self.needed) <= set(there):
            return None
        return [name for name in self.columns if name in there]


def parquet_rows(file: DataFile, piece: Piece, extent: Extent) -> Iterator[tuple[int, JsonRow]]:
    """Row number (from 1) and row of those that belong to the piece.

    Raises:
        MissingPackageError: pyarrow is not installed. BrokenSourceError: the file is broken or cut short.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise missing_package("pyarrow", f"Reading {file.name} (Parquet)") from None
    try:
        with ExitStack() as stack:
            table = pyarrow.parquet.ParquetFile(_opened(file, stack, pyarrow.BufferReader))
            start = 0
            columns = extent.chosen(table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=extent.rows_at_once, columns=columns):
                for first, last in piece.held(start, start + batch.num_rows):
                    rows = batch.slice(first - start, last - first).to_pylist()
                    yield from enumerate(rows, start=first + 1)
                start += batch.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = shortened(str(error).partition("\n")[0].rstrip("."), 200)
        raise BrokenSourceError(f"{file} is a broken Parquet file: {reason}.", "Fetch it again.") from error


def _opened(file: DataFile, stack: ExitStack, in_memory: Any) -> Any:
    """Parquet is read from its end, which a packed file can't do: that one goes through memory."""
    handle = stack.enter_context(unpacked(file))
    packed = bool(file.member) or isinstance(handle, gzip.GzipFile)
    return in_memory(handle.read()) if packed else handle
