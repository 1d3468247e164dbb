"""The code functions to generate instructions from: where they are, and how they are read (`seed_choice` chooses).

Sources of the layout: CodeCapybara's generator reads `<dir>/<language>/train.jsonl`, else
`<dir>/<language>/final/extract_function_train.jsonl`, rows `{"code": ..., "id": ...}` where the id may be missing. Here
a function is identified by a hash of its text, so missing and repeated ids do no harm.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import Shard
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import BadRow, good_rows
from coma_cli.formats.text import readable_name, unix_lines
from coma_cli.hashing import hash_file
from coma_cli.jsonl import JsonRow, sha256_of
from coma_cli.records import Example, Origin
from coma_cli.workspace import Artifact, Input, Workspace

PLACES = ("train.jsonl", "train.jsonl.gz", "final/extract_function_train.jsonl")
GENERATION = "code-generation"
_SHORTEST_CODE = 20
_NUMBER_BITS = 40  # of a place: the number of the function in its file; the number of the file is above
_LAYOUT = "a folder of <language>/train.jsonl, or a file of rows, with rows that have code"


@dataclass(frozen=True)
class Seed:
    """One code function; `id` is a hash of its language and text."""

    id: str
    language: str
    code: str
    licence: str
    origin: Origin


@dataclass(frozen=True)
class SeedFile:
    """A file of code functions: the name that rows get as their origin, and the language of rows that state none.

    A file of a repository has the licence that covers it.
    """

    path: Path
    name: str
    language: str
    licence: str = ""


@dataclass(frozen=True)
class SeedCode:
    """A source of code functions: what the run lists as its input, the files to read, and what they are."""

    input: Input
    files: tuple[SeedFile, ...]
    kind: Literal["rows", "build-data", "repository"] = "rows"


@dataclass(frozen=True)
class SkippedSeed:
    """A row that can't be used, and why."""

    reason: str


def find_seed_code(place: Path | None, language: str, workspace: Workspace) -> SeedCode:
    """The files to read: those at `place`, or of the latest finished build-data run.

    Raises:
        MissingInputError: there is nothing of a known format.
    """
    if place is None:
        artifact = workspace.newest("build-data")
        if artifact is None:
            raise MissingInputError(
                f"No --seed-code is given, and there is no finished build-data run in {workspace.root}.",
                f"coma gen-instructions --seed-code PATH ({_LAYOUT})",
            )
        return _of_artifact(artifact)
    place = workspace.place_of(place, "build-data")
    if not place.exists():
        raise MissingInputError(f"There is no file, folder or build-data run {place}.", "Check --seed-code.")
    artifact = workspace.artifact_at(place)
    if artifact is not None and artifact.command == "build-data":
        return _of_artifact(artifact)
    files = _files_of(place, language)
    if not files:
        raise MissingInputError(f"{place} holds no code functions.", f"--seed-code takes {_LAYOUT}.")
    digest = sha256_of({file.name: [file.language, hash_file(file.path)] for file in files})
    return SeedCode(Input("seed-code", str(place), digest), tuple(files))


def _of_artifact(artifact: Artifact) -> SeedCode:
    file = SeedFile(artifact.intact("train.jsonl", "--seed-code"), "train.jsonl", "")
    return SeedCode(artifact.as_input(), (file,), "build-data")


def _files_of(place: Path, language: str) -> list[SeedFile]:
    if place.is_file():
        return [SeedFile(place, place.name, language)]
    found = []
    for folder in sorted(child for child in place.iterdir() if child.is_dir()):
        file = next((folder / name for name in PLACES if (folder / name).is_file()), None)
        if file is not None:
            found.append(SeedFile(file, readable_name(file.relative_to(place).as_posix()), folder.name.lower()))
    loose = sorted(place.glob("*.jsonl"))
    return found or [SeedFile(path, readable_name(path.name), language) for path in loose]


class SeedReader:
    """Reads the functions of a source, again and again if need be; no more than a piece of a file is in memory."""

    def __init__(self, source: SeedCode, *, max_chars: int, licence: str) -> None:
        self._source = source
        self._max_chars = max_chars
        self._licence = licence

    def entries(self, on_corrupt: Callable[[BadRow], object]) -> Iterator[tuple[int, Seed | SkippedSeed]]:
        """Every function with its place, a number that grows from one to the next."""
        for index, file in enumerate(self._source.files):
            for number, raw in enumerate(self._raw(file, on_corrupt)):
                yield (index << _NUMBER_BITS) | number, self._entry(raw)

    def at(self, places: Iterable[int]) -> dict[int, Seed]:
        """The functions at some places, which reads each of their files once."""
        wanted: dict[int, set[int]] = {}
        for place in places:
            wanted.setdefault(place >> _NUMBER_BITS, set()).add(place & ((1 << _NUMBER_BITS) - 1))
        found = {}
        for index, numbers in sorted(wanted.items()):
            left = len(numbers)
            for number, raw in enumerate(self._raw(self._source.files[index], lambda bad: None)):
                if number in numbers:
                    entry = self._entry(raw)
                    assert isinstance(entry, Seed)  # as when it was chosen
                    found[(index << _NUMBER_BITS) | number] = entry
                    left -= 1
                    if not left:
                        break
        return found

    def _entry(self, raw: "RawSeed") -> Seed | SkippedSeed:
        reason = _unusable(raw.code, self._max_chars)
        if reason is not None:
            return SkippedSeed(reason)
        text = _tidy(raw.code)
        return Seed(_name(raw.language, text), raw.language, text, raw.licence, raw.origin)

    def _raw(self, file: SeedFile, on_corrupt: Callable[[BadRow], object]) -> Iterator["RawSeed"]:
        if self._source.kind == "repository":
            from coma_cli.catalog.sources.repository.repository import functions_in

            for function, origin, licence in functions_in(Shard(file.path, file.name, file.licence)):
                yield RawSeed(function.code, function.language, licence, origin)
            return
        for number, (_, row) in enumerate(good_rows(one_file(file.path), on_corrupt), start=1):
            if self._source.kind == "rows":
                yield _of_row(row, file, number, self._licence)
                continue
            example = Example.from_row(row, f"{file.path}:{number}")
            if example.task == GENERATION:
                origin = example.origin.model_copy(update={"row": example.id})
                yield RawSeed(example.output, example.language, example.licence, origin)


class RawSeed(NamedTuple):
    """A function as it was read."""

    code: str
    language: str
    licence: str
    origin: Origin


def _of_row(row: JsonRow, file: SeedFile, number: int, licence: str) -> RawSeed:
    code, language, terms = row.get("code"), row.get("language"), row.get("licence") or row.get("license")
    named = row.get("id")
    return RawSeed(
        code if isinstance(code, str) else "",
        language.lower() if isinstance(language, str) and language else file.language,
        terms if isinstance(terms, str) and terms else licence,
        Origin(path=file.name, row=str(number if named is None else named)),
    )


def _unusable(code: str, max_chars: int) -> str | None:
    if not code.strip():
        return "no-code"
    if len(code.strip()) < _SHORTEST_CODE:
        return "too-short"
    if len(code) > max_chars:
        return "too-long"
    if any("\ud800" <= character <= "\udfff" for character in code):
        return "no-text"
    return None


def _tidy(code: str) -> str:
    """The code with normalized line ends, without trailing whitespace and blank lines around it."""
    lines = unix_lines(code).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _name(language: str, code: str) -> str:
    return hashlib.sha256(f"{language}\n{code}".encode()).hexdigest()[:16]
