"""Content hashes of files and folders, cached by size and modification time within a process."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from coma_cli.jsonl import sha256_of


def hash_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    status = path.stat()
    return _hash_file(str(path.resolve()), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_file(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def hash_tree(folder: Path) -> str:
    """SHA-256 (hex) of the relative names and contents of all files below a folder, excluding linked folders."""
    paths = sorted(Path(root) / name for root, _, files in os.walk(folder) for name in files)
    return sha256_of({path.relative_to(folder).as_posix(): hash_file(path) for path in paths if path.is_file()})
