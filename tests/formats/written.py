"""The same rows in every form that a file of rows may have."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.requirements import package

Rows = list[dict[str, Any]]
BOM = b"\xef\xbb\xbf"
BLANK_LINES = b"\n" * 60 + b" \r\n\t\n" * 20


def lines(rows: Rows, end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def array(rows: Rows, indent: int | None = None) -> bytes:
    return json.dumps(rows, indent=indent, ensure_ascii=False).encode()


def objects(rows: Rows, indent: int = 2, between: str = "\n") -> bytes:
    return between.join(json.dumps(row, indent=indent, ensure_ascii=False) for row in rows).encode()


def cells(rows: Rows, delimiter: str = ",", end: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    # Left to itself, the writer of Python 3.11 puts a lone carriage return without quotes.
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows: Rows) -> bytes:
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def zipped(content: bytes, name: str = "rows.json") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        archive.writestr(name, content)
        archive.writestr("__MACOSX/._rows.json", b"\0")
    return buffer.getvalue()


# What a form is called, how it is written, and what the reader says that it is.
FORMS: dict[str, tuple[Callable[[Rows], bytes], str]] = {
    "lines": (lines, "JSON lines"),
    "lines, no last newline": (lambda rows: lines(rows)[:-1], "JSON lines"),
    "lines of Windows": (lambda rows: lines(rows, "\r\n"), "JSON lines"),
    "lines with a mark": (lambda rows: BOM + lines(rows), "JSON lines, with a byte order mark"),
    "lines, blank ones everywhere": (
        lambda rows: BLANK_LINES + lines(rows, "\n\n \n") + BLANK_LINES,
        "JSON lines",
    ),
    "lines behind a mark and blank lines": (
        lambda rows: BOM + b"\n" + BLANK_LINES + lines(rows),
        "JSON lines, with a byte order mark",
    ),
    "array": (array, "JSON array"),
    "array, indented": (lambda rows: array(rows, 2) + b"\n", "JSON array"),
    "array with a mark": (lambda rows: BOM + array(rows), "JSON array, with a byte order mark"),
    "array between blank lines": (lambda rows: BLANK_LINES + array(rows) + BLANK_LINES, "JSON array"),
    "array behind a mark and blank lines": (
        lambda rows: BOM + BLANK_LINES + array(rows),
        "JSON array, with a byte order mark",
    ),
    "array behind many blanks": (lambda rows: b" \n" * 100_000 + array(rows) + b" \n" * 100_000, "JSON array"),
    "objects": (objects, "JSON objects over several lines"),
    "objects without indentation": (lambda rows: objects(rows, 0), "JSON objects over several lines"),
    "objects with a mark, blank lines between": (
        lambda rows: BOM + BLANK_LINES + objects(rows, 1, "\r\n \n") + b"\n\n",
        "JSON objects over several lines, with a byte order mark",
    ),
    "objects end to end": (lambda rows: objects(rows, 1, ""), "JSON objects over several lines"),
    "object of rows": (lambda rows: json.dumps({"data": rows}).encode(), "JSON object that holds the rows"),
    "object of rows, indented": (
        lambda rows: json.dumps({"rows": rows}, indent=1).encode() + b"\n",
        "JSON object that holds the rows",
    ),
    "parquet": (parquet, "Parquet"),
    "csv": (cells, "CSV"),
    "csv of Windows, with a mark": (lambda rows: BOM + cells(rows, ",", "\r\n"), "CSV, with a byte order mark"),
    "csv between blank lines": (lambda rows: b"\n\n" + cells(rows) + b"\n\n", "CSV"),
    "tsv": (lambda rows: cells(rows, "\t"), "TSV"),
    "gzip lines": (lambda rows: gzip.compress(lines(rows)), "JSON lines, gzip"),
    "gzip lines in two parts": (
        lambda rows: gzip.compress(lines(rows[:1])) + gzip.compress(lines(rows[1:])),
        "JSON lines, gzip",
    ),
    "gzip array": (lambda rows: gzip.compress(array(rows)), "JSON array, gzip"),
    "gzip array with a mark": (
        lambda rows: gzip.compress(BOM + b"\n" + array(rows)),
        "JSON array, gzip, with a byte order mark",
    ),
    "gzip objects": (lambda rows: gzip.compress(objects(rows)), "JSON objects over several lines, gzip"),
    "gzip csv": (lambda rows: gzip.compress(cells(rows)), "CSV, gzip"),
    "gzip parquet": (lambda rows: gzip.compress(parquet(rows)), "Parquet, gzip"),
    "zip lines": (lambda rows: zipped(lines(rows)), "JSON lines, zip"),
    "zip array with a mark": (
        lambda rows: zipped(BOM + BLANK_LINES + array(rows)),
        "JSON array, zip, with a byte order mark",
    ),
    "zip objects": (lambda rows: zipped(objects(rows)), "JSON objects over several lines, zip"),
    "zip csv": (lambda rows: zipped(cells(rows)), "CSV, zip"),
    "zip parquet": (lambda rows: zipped(parquet(rows)), "Parquet, zip"),
    "zip of gzip": (lambda rows: zipped(gzip.compress(lines(rows))), "JSON lines, gzip in zip"),
}
