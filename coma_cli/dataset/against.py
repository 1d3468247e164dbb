"""Files named by the user: more problems to decontaminate against, and rows to deduplicate against."""

from collections.abc import Sequence
from pathlib import Path

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.corpus.decontamination.reference_files import file_problems, reference_rows
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.dataset.building import add_rows
from coma_cli.dataset.parts import PartWriter
from coma_cli.errors import MissingInputError
from coma_cli.hashing import hash_file


def named_problems(path: Path) -> LoadedBenchmark:
    """The problems in a file of `--decontaminate-against`, as a benchmark of the file's name.

    Raises:
        MissingInputError: the file is missing, broken or without rows.
    """
    return LoadedBenchmark(path.name, tuple(file_problems(path)), str(path), hash_named(path))


def hash_named(path: Path) -> str:
    """SHA-256 (hex) of a file that the user named.

    Raises:
        MissingInputError: there is no such file.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no file {path}.", "Check the path.")
    return hash_file(path)


def reference_parts(files: Sequence[str], folder: Path, near: NearRules) -> tuple[Path, ...]:
    """Parts that hold the rows of the files of `--dedup-against`, written to `folder`.

    Raises:
        MissingInputError: a file is missing, broken or without rows.
    """
    paths = tuple(folder / f"reference-{number}" for number in range(len(files)))
    for file, path in zip(files, paths, strict=True):
        with PartWriter(path) as part:
            add_rows(part, reference_rows(Path(file)), near, 0.0, 0)
    return paths
