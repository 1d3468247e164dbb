"""Your own code as seed code: the functions of a folder's files, documented or not."""

from pathlib import Path

from coma_cli.catalog.sources.repository.repository import program_files
from coma_cli.errors import MissingInputError
from coma_cli.hashing import hash_file
from coma_cli.instructions.seeds import SeedCode, SeedFile
from coma_cli.jsonl import sha256_of
from coma_cli.workspace import Input


def seed_repository(folder: Path) -> SeedCode:
    """The code files of a folder that `.gitignore` files do not exclude, each with the nearest licence above it.

    Raises:
        MissingInputError: there is no such folder, or no code in it.
    """
    if not folder.is_dir():
        raise MissingInputError(f"{folder} is not a folder (--from-repo).", "Give a folder of code.")
    shards = program_files(folder)
    if not shards:
        raise MissingInputError(f"{folder} holds no code (--from-repo).", "Give a folder of code.")
    files = tuple(SeedFile(shard.path, shard.name, "", shard.licence) for shard in shards)
    digest = sha256_of({file.name: hash_file(file.path) for file in files})
    return SeedCode(Input("from-repo", str(folder), digest), files, "repository")
