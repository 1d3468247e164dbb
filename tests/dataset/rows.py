"""Rows and parts made by hand."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.splitting import draws_of
from coma_cli.corpus.subjects import subject_keys
from coma_cli.dataset.assembling import texts_of, write_files
from coma_cli.dataset.parts import PartWriter
from coma_cli.dataset.row_index import encode_example, index_rows
from coma_cli.dataset.rows import RowTable
from coma_cli.dataset.selection import RowTally, Selection, SelectionRules, select
from coma_cli.jsonl import sha256_of
from coma_cli.records import Example, Origin

NEAR = NearRules()
HIGHEST = 2**64 - 1
LOWEST_SHARE = 1e-9  # rows that draw less than 10**10 are for validation, see `write_row`


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
    """Add a row to a part; it is for validation if it draws less than `share`."""
    line = encode_example(row)
    fingerprints, subjects = Fingerprints.of([row], NEAR), subject_keys([row])
    draws = draws_of(subjects, 0, 1)
    # Rows keep draws of their own: many with one draw would be taken for one function.
    own = draws % np.uint64(10**9)
    draws[:] = np.where(draws < np.uint64(share * 2**63) * np.uint64(2), own, np.uint64(HIGHEST) - own)
    (index_row,) = index_rows([row], [line], fingerprints.by_row, draws)
    part.texts(fingerprints.by_text)
    part.functions(subjects.functions, subjects.function_rows)
    part.row(line.line, index_row)


def write_part(path, examples, dropped_rows=(), share=0.0):
    """A part of these rows."""
    with PartWriter(path) as part:
        for row in examples:
            write_row(part, row, share)
        for dropped in dropped_rows:
            part.dropped(dropped)
    return path


class Assembled(NamedTuple):
    """A table of rows, what was selected of it, and the names of the files that were written."""

    rows: RowTable
    selection: Selection
    written: tuple[str, ...]

    @property
    def tally(self) -> RowTally:
        """What was not kept, in numbers."""
        return self.selection.tally


def assemble(folder: Path, *parts: Path, references=(), exports=(), **rules) -> Assembled:
    """Select the rows of these parts and write all files."""
    chosen = SelectionRules(near=NEAR, **{"validation_share": LOWEST_SHARE, **rules})
    rows = RowTable.read([*parts, *references], len(references))
    with texts_of(rows, NEAR, folder) as texts:
        selection = select(rows, texts, chosen)
    return Assembled(rows, selection, write_files(rows, selection, chosen.mixture, folder, exports))
