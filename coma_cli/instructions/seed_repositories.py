"""Your own code as seed code: all functions of a folder's files, documented or not, but for tests and empty ones."""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.licences.detection import folder_licences
from coma_cli.catalog.licences.headers import file_licence
from coma_cli.catalog.sources.repository.code_files import MAX_FILE_BYTES, code_files, decode, language_of, refusal
from coma_cli.catalog.sources.repository.notebooks import SUFFIX as NOTEBOOK
from coma_cli.catalog.sources.repository.repository import is_test
from coma_cli.errors import MissingInputError
from coma_cli.formats.text import readable_name
from coma_cli.hashing import hash_file
from coma_cli.instructions.seeds import SeedCode, SeedFile
from coma_cli.jsonl import sha256_of
from coma_cli.records import Origin
from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.functions import functions
from coma_cli.workspace import Input


def seed_repository(folder: Path) -> SeedCode:
    """The code files of a folder that `.gitignore` files do not exclude, each with the nearest licence above it.

    Raises:
        MissingInputError: there is no such folder, or no code in it.
    """
    if not folder.is_dir():
        raise MissingInputError(f"{folder} is not a folder (--from-repo).", "Give a folder of code.")
    names = [name for name in code_files(folder) if not name.lower().endswith(NOTEBOOK)]
    if not names:
        raise MissingInputError(f"{folder} holds no code (--from-repo).", "Give a folder of code.")
    licences = folder_licences(folder, names)
    files = tuple(SeedFile(folder / name, readable_name(name), "", licences[name]) for name in names)
    digest = sha256_of({file.name: hash_file(file.path) for file in files})
    return SeedCode(Input("from-repo", str(folder), digest), files, "repository")


def functions_in(path: Path, name: str, licence: str) -> Iterator[tuple[CodeFunction, Origin, str]]:
    """The functions of a file with origin and licence; none of a generated, minified, huge or undecodable file."""
    content = path.read_bytes()
    text = decode(name, content) if len(content) <= MAX_FILE_BYTES else None
    if text is None or refusal(name, text) is not None:
        return
    language = language_of(name, text)
    terms = file_licence(language, text) or licence
    for function in functions(language, text):
        if not function.empty and not is_test(name, function.name):
            yield function, Origin(path=name, row=function.name, lines=function.lines), terms
