"""The code functions to generate instructions from: read, filtered, chosen by hash.

Sources of the layout: CodeCapybara's generator reads `<dir>/<language>/train.jsonl`, else
`<dir>/<language>/final/extract_function_train.jsonl`, rows `{"code": ..., "id": ...}` where the id may be missing. Here
a function is identified by a hash of its text, so missing and repeated ids do no harm.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError, UsageError, nearest
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
    """A file of code functions: the name that rows get as their origin, and the language of rows that state none."""

    path: Path
    name: str
    language: str


@dataclass(frozen=True)
class SeedCode:
    """A source of code functions: what the run lists as its input, and the files to read."""

    input: Input
    files: tuple[SeedFile, ...]
    from_build_data: bool = False


@dataclass(frozen=True)
class SeedTally:
    """What the files hold: the number of usable functions, the rows skipped by reason, the broken rows."""

    usable: int
    skipped: Mapping[str, int]
    corrupt: tuple[BadRow, ...]


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
    return SeedCode(artifact.as_input(), (file,), from_build_data=True)


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


def choose_seeds(
    source: SeedCode, *, num: int, run_seed: int, max_chars: int, languages: list[str] | None, licence: str
) -> tuple[list[Seed], SeedTally]:
    """The `num` functions whose hash comes first, in that order; a larger `num` later keeps those chosen before.

    Only the chosen ones are held in memory, however large the files are.

    Raises:
        UsageError: no function is in one of `languages`.
    """
    corrupt: list[BadRow] = []
    skipped: Counter[str] = Counter()
    seen: Counter[str] = Counter()

    def wanted() -> Iterator[Seed]:
        for entry in _without_repeats(_read(source, max_chars, licence, corrupt.append)):
            if isinstance(entry, _Skipped):
                skipped[entry.reason] += 1
                continue
            seen[entry.language] += 1
            if languages is None or entry.language in languages:
                yield entry

    chosen = heapq.nsmallest(num, wanted(), key=lambda seed: _order(run_seed, seed))
    missing = [name for name in languages or [] if not seen[name]]
    if missing:
        guess = nearest(missing[0], seen)
        meant = f" Did you mean {guess}?" if guess else ""
        raise UsageError(
            f"No code function is in {', '.join(missing)}.{meant}", f"Available: {', '.join(sorted(seen)) or 'none'}"
        )
    usable = sum(count for language, count in seen.items() if languages is None or language in languages)
    return chosen, SeedTally(usable, skipped, tuple(corrupt))


@dataclass(frozen=True)
class _Skipped:
    """A row that can't be used."""

    reason: str


def _order(run_seed: int, seed: Seed) -> bytes:
    return hashlib.sha256(f"{run_seed}|{seed.id}".encode()).digest()


def _without_repeats(entries: Iterable[Seed | _Skipped]) -> Iterator[Seed | _Skipped]:
    ids: set[int] = set()
    for entry in entries:
        if isinstance(entry, Seed):
            number = int(entry.id, 16)
            yield _Skipped("repeat") if number in ids else entry
            ids.add(number)
        else:
            yield entry


def _read(
    source: SeedCode, max_chars: int, licence: str, on_corrupt: Callable[[BadRow], None]
) -> Iterator[Seed | _Skipped]:
    for file in source.files:
        for number, (_, row) in enumerate(good_rows(one_file(file.path), on_corrupt), start=1):
            if source.from_build_data:
                example = Example.from_row(row, f"{file.path}:{number}")
                if example.task != GENERATION:
                    continue
                code, language, terms, origin = example.output, example.language, example.licence, example.origin
                origin = origin.model_copy(update={"row": example.id})
            else:
                code, language, terms, origin = _of_row(row, file, number, licence)
            reason = _unusable(code, max_chars)
            if reason is None:
                text = _tidy(code)
                yield Seed(_name(language, text), language, text, terms, origin)
            else:
                yield _Skipped(reason)


def _of_row(row: JsonRow, file: SeedFile, number: int, licence: str) -> tuple[str, str, str, Origin]:
    code, language, terms = row.get("code"), row.get("language"), row.get("licence") or row.get("license")
    named = row.get("id")
    return (
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
