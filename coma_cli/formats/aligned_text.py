r"""Parallel text: line n of one file belongs with line n of another. Lines end at "\n" and at nothing else."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from coma_cli.formats.data_file import BrokenSourceError, DataFile, Shard
from coma_cli.formats.files import Listed, lines_of, matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin

_FORM = "Give both files as they were published."


def split_name(name: str) -> str:
    """How shards call an upstream split: `valid` and `dev` are `validation`."""
    return {"valid": "validation", "dev": "validation"}.get(name, name)


def find_pairs(place: Path, pattern: str, sides: tuple[str, str], licence: str) -> list[Shard]:
    """The pairs of files below a place; the pattern's groups `split` and `side` tell which pair and which of the two.

    The first side is the shard and the second its companion. A file without its other half makes a shard without a
    companion, which `read_pairs` refuses. Halves belong together if they stand in the same folder.
    """
    pairs: dict[tuple[str, str], dict[str, Listed]] = {}
    for found in matching_files(place, [pattern], beside=True):
        key = (found.name.rpartition("/")[0], found.groups["split"])
        pairs.setdefault(key, {})[found.groups["side"]] = found
    shards = []
    for (_, split), halves in sorted(pairs.items()):
        there = [halves[side] for side in sides if side in halves]
        if place.is_dir() or any(half.file.path == place for half in there):
            first, *rest = there
            files = tuple(half.file for half in rest)
            shards.append(Shard(first.file.path, first.name, licence, split_name(split), files, first.file.member))
    return shards


def read_pairs(shard: Shard) -> Iterator[tuple[int, str, str] | Rejected]:
    """Line number (from 1) and the two lines without blanks around them; lines that are empty or no UTF-8 are
    `Rejected`.

    Raises:
        BrokenSourceError: one of the files is missing, they differ in their count of lines, or they are empty.
    """
    if not shard.companions:
        raise BrokenSourceError(f"{shard.file} has no file of the other side beside it.", _FORM)
    other = shard.companions[0]
    first, second = _count_lines(shard.file), _count_lines(other)
    if first != second:
        raise BrokenSourceError(f"{shard.file} has {first} lines, {other} has {second}.", _FORM)
    if not first:
        raise BrokenSourceError(f"{shard.file} holds no rows.", "Fetch it again, or leave this source out.")
    for number, halves in enumerate(zip_longest(lines_of(shard.file), lines_of(other), fillvalue=b""), start=1):
        try:
            one, two = (half.decode("utf-8").strip(" \t\r\n") for half in halves)
        except UnicodeDecodeError as error:
            yield Rejected("undecodable", f"not UTF-8: {error.reason}", _origin(shard, number))
            continue
        if one and two:
            yield number, one, two
        else:
            yield Rejected("broken-row", "one side is empty", _origin(shard, number), {"first": one, "second": two})


def _count_lines(file: DataFile) -> int:
    return sum(1 for _ in lines_of(file))


def _origin(shard: Shard, number: int) -> Origin:
    return Origin(path=shard.name, row=str(number), split=shard.split)
