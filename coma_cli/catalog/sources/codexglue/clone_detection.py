"""BigCloneBench as CodeXGLUE published it: pairs of Java functions, and whether they have the same functionality.

The raw format keeps functions and pairs in separate files; pairs whose functions are missing are dropped with a reason,
where upstream's reader skips them silently. The Hub's format has both functions in each row.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coma_cli.catalog.material import ClonePair, Material
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.files import lines_of, matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import DUPLICATE_ID, read_table, text_of
from coma_cli.records import Origin
from coma_cli.syntax.code_layout import outdent
from coma_cli.syntax.shared_functionality import seemingly_shared, visibly_shared

_PAIRS = r"(?P<split>train|valid|test)\.txt(?:\.gz)?"
_FUNCTIONS = r"data\.jsonl(?:\.gz)?"
_HUB_COLUMNS = ("id1", "id2", "func1", "func2", "label")
_FORM = "Give data.jsonl and the pair files in one folder, as they were published."


def find(place: Path) -> list[Shard]:
    """The pair files, each with the `data.jsonl` of its folder; else the Hub's Parquet files."""
    functions = {_folder(found.name): found.file for found in matching_files(place, [_FUNCTIONS], beside=True)}
    pairs = [
        shared.shard_of(found, companions=[functions[folder]] if (folder := _folder(found.name)) in functions else ())
        for found in matching_files(place, [_PAIRS])
    ]
    return pairs or [shared.shard_of(found) for found in shared.find_tables(place)]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The pairs of one file. A repeated pair, in either order, is rejected, and so is a pair of identical functions.

    In the Hub's format repeated pairs are only found within a piece; the others are removed as duplicates later.
    """
    seen: set[tuple[str, ...]] = set()
    for entry in _listed_pairs(shard, seen) if ".txt" in shard.name[-7:] else _hub_pairs(shard):
        if isinstance(entry, Rejected):
            yield entry
            continue
        ids, first, second, label = entry
        origin = Origin(path=shard.name, row=" ".join(ids), split=shard.split)
        reject = _reject(ids, first, second, label, seen)
        if reject is not None:
            yield Rejected(*reject, origin, {"first": first, "second": second, "label": label})
            continue
        seen.add(tuple(sorted(ids)))
        yield ClonePair("java", first, second, bool(label), licence=shard.licence, origin=origin)


def _reject(
    ids: tuple[str, str], first: str, second: str, label: Any, seen: set[tuple[str, ...]]
) -> tuple[str, str] | None:
    if label not in (0, 1):
        return "broken-row", f"the label is {label!r}, not 0 or 1"
    if not first.strip() or not second.strip():
        return "broken-row", "a function is not a string"
    if tuple(sorted(ids)) in seen:
        return DUPLICATE_ID, "the pair is a duplicate"
    if first == second:
        return "same-text", ""
    # BigCloneBench's clones share one functionality, often as a small part of what they do (see `notes`).
    if label and not visibly_shared(first, second):
        return "unlike-clones", ""
    return ("alike-non-clones", "") if not label and seemingly_shared(first, second) else None


def _listed_pairs(
    shard: Shard, seen: set[tuple[str, ...]]
) -> Iterator[tuple[tuple[str, str], str, str, Any] | Rejected]:
    """The pairs of the shard's piece; the ids of pairs in other pieces are added to `seen`."""
    functions: dict[str, str] = {}
    broken = list(_read_functions(shard, functions))
    yield from broken if shard.piece.number == 0 else ()
    number = 0
    for number, line in enumerate(lines_of(shard.file), start=1):
        fields = line.decode("utf-8", "replace").split()
        if not shard.piece.holds(number - 1):
            if len(fields) == 3 and fields[2] in ("0", "1") and functions.keys() >= set(fields[:2]):
                seen.add(tuple(sorted(fields[:2])))
            continue
        origin = Origin(path=shard.name, row=f"line {number}", split=shard.split)
        if len(fields) != 3:
            if fields:
                yield Rejected("broken-row", "not two ids and a label", origin, {"line": " ".join(fields)})
            continue
        one, two, label = fields
        absent = [key for key in (one, two) if key not in functions]
        if absent:
            detail = f"no function {' or '.join(absent)} in data.jsonl"
            yield Rejected("missing-function", detail, origin, {"pair": " ".join(fields)})
            continue
        yield (one, two), functions[one], functions[two], {"0": 0, "1": 1}.get(label, label)
    if not number:
        raise BrokenSourceError(f"{shard.file} holds no pairs.", _FORM)


def _read_functions(shard: Shard, functions: dict[str, str]) -> Iterator[Rejected]:
    """Fill `functions` by id, and yield broken rows under the split of the pairs."""
    if not shard.companions:
        raise BrokenSourceError(f"{shard.file} has no data.jsonl beside it.", _FORM)
    file = shard.companions[0]
    name = f"{_folder(shard.name)}/data.jsonl".lstrip("/")
    for entry in read_table(
        Shard(file.path, name, shard.licence, shard.split, member=file.member), ("func", "idx"), unique="idx"
    ):
        if isinstance(entry, Rejected):
            yield entry
            continue
        functions[str(entry[1]["idx"]).strip()] = outdent(text_of(entry[1], "func") or "")


def _hub_pairs(shard: Shard) -> Iterator[tuple[tuple[str, str], str, str, Any] | Rejected]:
    for entry in read_table(shard, _HUB_COLUMNS, unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        row = entry[1]
        ids = (str(row["id1"]), str(row["id2"]))
        yield ids, outdent(text_of(row, "func1") or ""), outdent(text_of(row, "func2") or ""), row["label"]


SOURCE = Source(
    name="codexglue_clone_detection",
    folder="codexglue_clone_detection",
    url=f"{shared.URL}/Code-Code/Clone-detection-BigCloneBench",
    licence=shared.LICENCE,
    citation="Svajlenko, J. et al. (2014). Towards a Big Data Curated Benchmark of Inter-project Code Clones. ICSME. "
    f"In: {shared.CITATION}",
    splits="",
    gives=(ClonePair,),
    find=find,
    read=read,
    bytes_per_row=19,
    reads_pieces=True,
    looks_up_companions=True,
    locations=(shared.hub_form("cc_clone_detection_big_clone_bench", "706a9c9"),),
    rows=901_028,
    revision=shared.REVISION,
    notes="All labels are weak (weak-label in made_by). BigCloneBench searched for functions that implement one of "
    "some functionalities, such as copying a file, so clones are pairs that share such a functionality, whatever else "
    "they do; clones are dropped that share too few library names to tell (reading, writing and closing streams proves "
    "nothing), and non-clones that share as much as clones do. Most pairs labelled as non-clones were never compared "
    "by a person.",
)
