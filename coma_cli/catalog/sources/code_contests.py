"""Code Contests: competition problems with accepted programs in four languages.

As in CodeCapybara, a problem gives one row per language, with the first correct program in it. Only the columns needed
for that are read: tests and the other programs make up nearly all of a file. Upstream's own files are Riegeli records,
which are not supported; the Parquet files on the Hugging Face Hub hold the same rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coma_cli.catalog.material import ContestSolution, Material
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.files import matching_files
from coma_cli.formats.parquet_rows import Extent
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, text_of
from coma_cli.formats.text import unix_lines
from coma_cli.jsonl import JsonRow
from coma_cli.records import Origin

LICENCE = "CC-BY-4.0"
HUB = HubForm(
    "deepmind/code_contests", "802411c3010cb00d1b05bad57ca77365a3c699d6", ("data/*.parquet",), about=7_500_000_000
)
COLUMNS = ("name", "description", "solutions")
EXTENT = Extent((*COLUMNS, "source", "input_file", "output_file"), rows_at_once=8)  # a row has hundreds of programs
# The proto's codes, which the Hub kept for languages (but not for sources and difficulties), and its names for JSON.
# Code 0 is an unknown language. Source: contest_problem.proto at the revision below.
LANGUAGES: Mapping[int | str, str] = {
    1: "python2",
    2: "cpp",
    3: "python",
    4: "java",
    "PYTHON": "python2",
    "CPP": "cpp",
    "PYTHON3": "python",
    "JAVA": "java",
}
_SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
_FORMULA_IMAGE = "<image>"


def find(place: Path) -> list[Shard]:
    """The Hub's Parquet files, or JSON lines with the same columns; else Riegeli files, which `read` rejects."""
    patterns = (
        r"(?P<split>train|valid|validation|test)-[^/]*\.parquet",
        r"(?P<split>train|valid|validation|test)/[^/]*\.parquet",
        r"code_contests_(?P<split>train|valid|test)\.(?:riegeli|jsonl)[^/]*",
    )
    if place.is_file() and not (found := matching_files(place, patterns)):
        return [Shard(place, place.name, LICENCE)]
    shards = []
    for listed in found if place.is_file() else matching_files(place, patterns):
        shard = Shard(listed.file.path, listed.name, LICENCE, member=listed.file.member)
        shards.append(replace(shard, split=_SPLITS[listed.groups["split"]]))
    parquet = [shard for shard in shards if ".riegeli" not in shard.name]
    return parquet or shards


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The programs of each problem, one per language, in upstream's order.

    Raises:
        BrokenSourceError: the file is a Riegeli file.
    """
    if ".riegeli" in shard.name:
        raise BrokenSourceError(
            f"{shard.path} is a Riegeli file from the GitHub release, which coma does not support.",
            f"Use the Parquet files on the Hugging Face Hub: {HUB.repository}, {HUB.patterns[0]}.",
        )
    seen: set[tuple[str, str]] = set()
    for entry in read_table(shard, COLUMNS, extent=EXTENT):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(row["name"] or number), split=shard.split)
        key = (str(row.get("source")), str(row["name"]))  # the proto warns that sources may share names
        reason = _unfit(row) or ("duplicate-id: " + ", ".join(key) if row["name"] and key in seen else "")
        seen.add(key)
        if reason:
            code, _, detail = reason.partition(": ")
            yield Rejected(code, detail, origin, {"name": row["name"], "description": row["description"]})
        else:
            yield from _solutions(row, shard, origin)


def _unfit(row: JsonRow) -> str:
    """Why a problem gives no rows (a reason code, a colon and a detail), or the empty string."""
    statement = text_of(row, "description")
    if statement is None:
        return "broken-row: description is not a string"
    if not statement.strip():
        return "empty-statement: "
    if _FORMULA_IMAGE in statement:
        return f"incomplete-statement: formulas are images ({_FORMULA_IMAGE})"
    if row.get("input_file") or row.get("output_file"):
        return "not-standard-io: programs read or write files that the statement may not name"
    return ""


def _solutions(row: JsonRow, shard: Shard, origin: Origin) -> Iterator[ContestSolution | Rejected]:
    pairs = _pairs(row["solutions"])
    if pairs is None:
        yield Rejected("broken-row", "solutions are not lists of languages and programs", origin, {"name": row["name"]})
        return
    first: dict[str, str] = {}
    for code, program in pairs:
        language = LANGUAGES.get(code) if isinstance(code, int | str) else None
        if language is not None and isinstance(program, str) and program.strip():
            first.setdefault(language, program)
    if not first:
        yield Rejected("no-solution", "no correct program in a known language", origin, {"name": row["name"]})
    statement = (text_of(row, "description") or "").strip()
    for language, program in first.items():
        place = origin.model_copy(update={"row": f"{origin.row} ({language})"})
        code = unix_lines(program).strip("\n").rstrip()
        yield ContestSolution(language, str(row["name"] or ""), statement, code, licence=shard.licence, origin=place)


def _pairs(solutions: Any) -> list[tuple[Any, Any]] | None:
    """Language codes and programs: parallel lists in the Hub's columns, objects in the proto's form."""
    if isinstance(solutions, dict):
        codes, programs = solutions.get("language"), solutions.get("solution")
        if isinstance(codes, list) and isinstance(programs, list) and len(codes) == len(programs):
            return list(zip(codes, programs, strict=True))
        return None
    if isinstance(solutions, list) and all(isinstance(entry, dict) for entry in solutions):
        return [(entry.get("language"), entry.get("solution")) for entry in solutions]
    return None


SOURCE = Source(
    name="code_contests",
    folder="code_contests",
    url="https://github.com/google-deepmind/code_contests",
    licence=LICENCE,
    citation="Li, Y. et al. (2022). Competition-Level Code Generation with AlphaCode. Science 378(6624).",
    splits="",
    gives=(ContestSolution,),
    find=find,
    read=read,
    bytes_per_row=145_000,  # about 7.5 GB of Parquet for CodeCapybara's 51,766 rows
    reads_pieces=True,
    locations=(HUB,),
    rows=51_766,
    revision="b71eef3d0e14490ff7f17f5b80851730a3fb05a2",
    notes="Some statements are translations. Python 2 programs have a language of their own, Python 2.",
)
