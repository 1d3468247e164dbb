"""Reads benchmark files as they are published: JSON lines (plain or gzip), one JSON array, or Parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError, missing_package
from coma_cli.jsonl import open_bytes, read_json, read_rows

PARQUET_MAGIC = b"PAR1"


def read_published(path: Path, names: Sequence[str]) -> tuple[Path, tuple[Mapping[str, Any], ...]]:
    """The rows of a benchmark file, and the file; for a folder the first of `names` (globs) that is found in it.

    Raises:
        MissingInputError: there is no such file, or it can't be read.
    """
    if path.is_dir():
        found = (hit for name in names for hit in sorted(path.glob(name)))
        chosen = next(found, None)
        if chosen is None:
            raise MissingInputError(
                f"{path} has none of {', '.join(names)}.", "Give the file itself with --bench-data."
            )
        path = chosen
    if not path.is_file():
        raise MissingInputError(f"There is no benchmark file {path}.", "Check --bench-data.")
    return path, _rows_of(path)


def _rows_of(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Rows by what the file holds, never by its name."""
    with open_bytes(path) as handle:
        start = handle.read(64)
    if start.startswith(PARQUET_MAGIC):
        return read_parquet(path)
    if not start.lstrip().startswith(b"["):
        return tuple(read_rows(path))
    rows = read_json(path)
    if not all(isinstance(row, dict) for row in rows):
        raise MissingInputError(f"{path} is a JSON array of something else than objects.", "Check --bench-data.")
    return tuple(rows)


def read_parquet(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The rows of a Parquet file.

    Raises:
        MissingPackageError: pyarrow is not installed. MissingInputError: the file is broken.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise missing_package("pyarrow", "Reading Parquet") from None
    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise MissingInputError(f"{path} is not a readable Parquet file ({error}).", "Fetch it again.") from None
    return tuple(rows)
