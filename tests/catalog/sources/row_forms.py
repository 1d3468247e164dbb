"""The same rows in every form that a source of rows comes in, and what its reader makes of them."""

import gzip
import json
import zipfile
from dataclasses import replace

from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin
from tests.catalog.sources.forms import good
from tests.requirements import package

FORMS = ("array", "lines", "gzip", "zip", "parquet")


def write(path, content):
    """A file of text, bytes or JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes | str):
        content = json.dumps(content, ensure_ascii=False)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(rows):
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def write_parquet(path, rows):
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def write_zip(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_form(form, folder, name, rows):
    """The rows below `folder` as one of `FORMS`; `name` is that of the plain file, without its suffix."""
    if form == "parquet":
        return write_parquet(folder / f"{name}.parquet", rows)
    if form == "gzip":
        return write(folder / f"{name}.jsonl.gz", gzip.compress(lines(rows).encode()))
    if form == "zip":
        return write_zip(folder / "data.zip", {f"{name}.jsonl": lines(rows)})
    return write(
        folder / (f"{name}.json" if form == "array" else f"{name}.jsonl"), rows if form == "array" else lines(rows)
    )


def reasons(entries):
    return [(entry.reason, entry.detail) for entry in entries if isinstance(entry, Rejected)]


def without_places(entries):
    """The material with nothing that tells in which file it stood."""
    return [replace(entry, origin=Origin()) for entry in good(entries)]
