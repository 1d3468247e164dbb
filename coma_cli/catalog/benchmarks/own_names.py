"""How a benchmark of one's own is called: by its file's stem and the start of its content's hash.

A worked example: `--bench tests/parsers.jsonl` becomes the benchmark `parsers-1f0c2a9b` with that file as its data. No
published benchmark has such a name, and a file that was changed is another benchmark.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.catalog import canonical
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.hashing import hash_file
from coma_cli.jsonl import sha256_of

ROW_SUFFIXES = (".jsonl", ".json", ".parquet", ".csv", ".tsv", ".zip")
_DIGITS = 8
_NAME = re.compile(rf"[\w.-]+-[0-9a-f]{{{_DIGITS}}}", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")


def is_own_name(name: object) -> bool:
    """Whether a name has the form of those that `own_name` gives."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def own_name(path: Path) -> str:
    """The name of the benchmark that a file, or the files of a folder, hold.

    Raises:
        MissingInputError: there is no such file or folder, or the folder holds no file of rows.
    """
    files = row_files(path)
    sha256 = hash_file(files[0]) if path.is_file() else sha256_of([hash_file(file) for file in files])
    stem = path.absolute().name
    while path.is_file() and stem.lower().endswith((*ROW_SUFFIXES, ".gz")):
        stem = stem.rpartition(".")[0]
    return f"{_NOT_IN_NAMES.sub('-', stem).strip('-.') or 'rows'}-{sha256[:_DIGITS]}"


def row_files(path: Path) -> list[Path]:
    """The file itself, or the files of rows in a folder by name.

    Raises:
        MissingInputError: as `own_name`.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise MissingInputError(f"There is no file or folder {path}.", "Check --bench.")
    found = sorted(file for file in path.iterdir() if file.is_file() and _holds_rows(file.name))
    if not found:
        raise MissingInputError(f"{path} holds no file of rows ({', '.join(ROW_SUFFIXES)}).", "Check --bench.")
    return found


def _holds_rows(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(ROW_SUFFIXES) and not name.startswith(".")


def with_own_file(values: Any, known: Mapping[str, Any]) -> Any:
    """Settings in which a path given as `bench` is replaced by the benchmark's name and its `bench_data`.

    Raises:
        MissingInputError: there is no such file or folder. UsageError: `bench_data` is given as well.
    """
    bench = values.get("bench")
    if not isinstance(bench, (str, Path)) or not _is_path(str(bench), known):
        return values
    path = Path(bench).expanduser()
    if values.get("bench_data"):
        raise UsageError(f"The benchmark is {path} itself, so it takes no other data.", "Omit --bench-data.")
    return {**values, "bench": own_name(path), "bench_data": path}


def _is_path(text: str, known: Mapping[str, Any]) -> bool:
    """Whether a text reads like a path, or is one, and not the name of a benchmark."""
    if not text or canonical(text, known) in known:
        return False
    return "/" in text or _holds_rows(Path(text).name) or Path(text).exists()
