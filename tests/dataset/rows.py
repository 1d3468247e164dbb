"""Rows and parts made by hand."""

from pathlib import Path

from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.dataset.assembling import Assembly, Wanted
from coma_cli.dataset.parts import PartWriter
from coma_cli.dataset.row_index import index_rows
from coma_cli.jsonl import encode_row, sha256_of
from coma_cli.records import Example, Origin

NEAR = NearRules()


def example(number, **changes):
    """Row of that number."""
    values = {
        "id": sha256_of(number)[:20],
        "task": "code-generation",
        "source": "s",
        "language": "python",
        "instruction": f"Write number {number}.",
        "output": f"value = {number}",
        "licence": "MIT",
        "origin": Origin(path="a.py", row=str(number)),
    }
    return Example.model_validate({**values, **changes})


def write_row(part, row, share=0.0):
    """Add a row to a part."""
    line = encode_row(row.to_row())
    fingerprints = Fingerprints.of([row], NEAR)
    (index_row,) = index_rows([row], [line], fingerprints.by_row, share, 0)
    part.texts(fingerprints.by_text)
    part.row(line, index_row)


def write_part(path, examples, dropped_rows=(), share=0.0):
    """A part of these rows."""
    with PartWriter(path) as part:
        for row in examples:
            write_row(part, row, share)
        for dropped in dropped_rows:
            part.dropped(dropped)
    return path


def assemble(folder: Path, *parts: Path, references=(), **wanted) -> Assembly:
    """Write all files of these parts."""
    assembly = Assembly(parts, Wanted(near=NEAR, **wanted), folder, references)
    assembly.write(folder)
    return assembly
