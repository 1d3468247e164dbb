"""Devign as CodeXGLUE published it: C functions of FFmpeg and QEMU, and whether a commit fixed a defect in them.

The raw files are either `function.json` with lists of indexes into it, or the rows that upstream's script makes of it.
"""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import JudgedFunction, Material
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.files import Listed, lines_of, matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.row_files import read_array
from coma_cli.formats.tables import DUPLICATE_ID, read_table, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.records import Origin
from coma_cli.syntax.code_layout import undouble_lines
from coma_cli.syntax.whole_functions import why_not_whole

_ROWS = r"(?P<split>train|valid|test)\.jsonl(?:\.gz)?"
_INDEXES = r"(?P<split>train|valid|test)\.txt(?:\.gz)?"
_FUNCTIONS = r"function\.json(?:\.gz)?"
COLUMNS = ("func", "target")
_FORM = "Give function.json and the index files in one folder, as they were published."
_PROJECTS = {"FFmpeg": "https://github.com/FFmpeg/FFmpeg", "qemu": "https://github.com/qemu/qemu"}


def find(place: Path) -> list[Shard]:
    """For each split the rows if there are any, else the indexes with `function.json`; else the Hub's files."""
    functions = {_folder(found): found.file for found in matching_files(place, [_FUNCTIONS], beside=True)}
    rows = {(_folder(found), found.groups["split"]): found for found in matching_files(place, [_ROWS])}
    shards = [shared.shard_of(found) for found in rows.values()]
    for found in matching_files(place, [_INDEXES]):
        if (_folder(found), found.groups["split"]) not in rows:
            functions_file = functions.get(_folder(found))
            shards.append(shared.shard_of(found, companions=[functions_file] if functions_file else ()))
    if shards:
        return sorted(shards, key=lambda shard: shard.name)
    return [shared.shard_of(found) for found in shared.find_tables(place)]


def _folder(found: Listed) -> str:
    return found.name.rpartition("/")[0]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The functions of one split; a target of 1 (or true) means defective."""
    for entry in _indexed_rows(shard) if ".txt" in shard.name[-7:] else _table_rows(shard):
        if isinstance(entry, Rejected):
            yield entry
            continue
        name, row = entry
        origin = Origin(path=shard.name, row=name, url=_url(row), split=shard.split)
        code, target = text_of(row, "func"), row.get("target")
        if code is None or not code.strip() or target not in (0, 1):
            yield Rejected("broken-row", f"func is not a string, or target is {target!r}, not 0 or 1", origin, row)
            continue
        function = undouble_lines(code)
        lacking = why_not_whole(function)
        if lacking:
            yield Rejected("cut-function", f"it lacks {lacking}", origin, row)
            continue
        yield JudgedFunction("c", function, bool(target), licence=shard.licence, origin=origin)


def _url(row: JsonRow) -> str:
    project, commit = _PROJECTS.get(str(row.get("project"))), row.get("commit_id")
    return f"{project}/commit/{commit}" if project and isinstance(commit, str) else ""


def _table_rows(shard: Shard) -> Iterator[tuple[str, JsonRow] | Rejected]:
    """Rows of the JSONL files and of the Hub, which calls `idx` `id`."""
    for entry in read_table(shard, COLUMNS, renamed={"id": "idx"}, unique="idx"):
        if isinstance(entry, Rejected):
            yield entry
        else:
            number, row = entry
            yield (f"idx {row['idx']}" if "idx" in row else str(number)), row


def _indexed_rows(shard: Shard) -> Iterator[tuple[str, JsonRow] | Rejected]:
    if not shard.companions:
        raise BrokenSourceError(f"{shard.file} has no function.json beside it.", _FORM)
    functions = list(read_array(shard.companions[0]))
    seen: set[int] = set()
    number = 0
    for number, line in enumerate(lines_of(shard.file), start=1):
        text = line.decode("utf-8", "replace").strip()
        if not text:
            continue
        reject = _index_reject(text, len(functions), seen)
        row = functions[int(text)] if reject is None else {"index": text}
        if not shard.piece.holds(number - 1):
            continue
        if reject is None and not isinstance(row, dict):
            reject = ("broken-row", f"a JSON {type(row).__name__}, not an object")
        if reject is not None:
            origin = Origin(path=shard.name, row=f"line {number}", split=shard.split)
            yield Rejected(*reject, origin, row if isinstance(row, dict) else {})
            continue
        yield f"idx {text}", row
    if not number:
        raise BrokenSourceError(f"{shard.file} holds no indexes.", _FORM)


def _index_reject(text: str, count: int, seen: set[int]) -> tuple[str, str] | None:
    if not (text.isascii() and text.isdigit()):
        return "broken-row", f"{text[:80]!r} is not an index"
    index = int(text)
    if index >= count:
        return "index-past-end", f"index {index} of {count} functions"
    if index in seen:
        return DUPLICATE_ID, f"the index {index} is a duplicate"
    seen.add(index)
    return None


SOURCE = Source(
    name="codexglue_defect_detection",
    folder="codexglue_defect_detection",
    url=f"{shared.URL}/Code-Code/Defect-detection",
    licence=shared.LICENCE,
    citation="Zhou, Y. et al. (2019). Devign: Effective Vulnerability Identification by Learning Comprehensive Program "
    f"Semantics via Graph Neural Networks. NeurIPS. In: {shared.CITATION}",
    splits="",
    gives=(JudgedFunction,),
    find=find,
    read=read,
    bytes_per_row=2300,
    reads_pieces=True,
    locations=(shared.hub_form("cc_defect_detection", "69bd48c03223c2104342acd9a807caf61ac3efb8", 22_000_000),),
    rows=21_854,
    revision=shared.REVISION,
    notes="A function is labelled as defective if a commit that fixed a vulnerability changed it: nobody marked where "
    "the defect is, and it may not be visible in the function alone. The code is from FFmpeg (LGPL) and QEMU (GPL). "
    "Line ends that upstream doubled are single here. Functions that lost lines, so that braces do not match or the "
    "return type is missing, are dropped (73 of 1,500 on the test split; nearly all of them were labelled defective).",
)
