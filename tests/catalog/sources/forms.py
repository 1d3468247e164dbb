"""Writes small files in the forms of publishers and of the Hugging Face Hub, for the tests of sources.

Hub fixtures are made from the documented column names and types; no real row of the Hub is among them.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.formats.rejected import Rejected
from tests.requirements import package


def put(path: Path, content: Any) -> Path:
    """A file with text, bytes, JSON lines (of a list of objects) or anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8", newline="\n")
    elif isinstance(content, list) and path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    else:
        path.write_text(json.dumps(content))
    return path


def put_parquet(path: Path, rows: list[dict[str, Any]], types: Mapping[str, str]) -> Path:
    """A Parquet file with these columns: `int32`, `bool`, `string` or `list` (of strings)."""
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    known = {"int32": pyarrow.int32(), "bool": pyarrow.bool_(), "string": pyarrow.string()}
    schema = pyarrow.schema([(name, known.get(kind, pyarrow.list_(pyarrow.string()))) for name, kind in types.items()])
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)
    return path


def zipped(folder: Path, archive: Path) -> Path:
    """All files of a folder in an archive."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder).as_posix())
    return archive


def read(source: Any, place: Path, split: str | None = None) -> list[Any]:
    """All that a source reads below a place, or of the files of one split."""
    shards = [shard for shard in source.find(place) if split in (None, shard.split)]
    return [entry for shard in shards for entry in source.read(shard)]


def good(entries: list[Any]) -> list[Any]:
    """Everything except Rejected."""
    return [entry for entry in entries if not isinstance(entry, Rejected)]


def dropped(entries: list[Any]) -> list[tuple[str, str]]:
    """Reason and row of everything that is rejected."""
    return [(entry.reason, entry.origin.row) for entry in entries if isinstance(entry, Rejected)]


def counted(source: Any, place: Path) -> dict[str, tuple[int, int]]:
    """By file: how many pieces of material it gives, and how many rows are rejected."""
    counts = {}
    for shard in source.find(place):
        entries = list(source.read(shard))
        counts[shard.name] = (len(good(entries)), len(dropped(entries)))
    return counts
