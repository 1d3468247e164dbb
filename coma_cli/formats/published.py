"""Reads benchmark files as they are published, in any form of a file of rows; every row of them is needed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows


def read_published(path: Path, names: Sequence[str]) -> tuple[Path, tuple[Mapping[str, Any], ...]]:
    """The rows of a benchmark file, and the file; for a folder the first of `names` (globs) that is found in it.

    Raises:
        MissingInputError: there is no such file, or it or one of its rows can't be read.
    """
    if path.is_dir():
        found = (hit for name in names for hit in sorted(path.glob(name)))
        chosen = next(found, None)
        if chosen is None:
            raise MissingInputError(
                f"{path} has none of {', '.join(names)}.", "Give the file itself with --bench-data."
            )
        path = chosen
    if not path.exists():
        raise MissingInputError(f"There is no benchmark file {path}.", "Check --bench-data.")
    return path, tuple(row for _, row in whole_rows(one_file(path)))
