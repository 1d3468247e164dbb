r"""Parallel text: line n of one file corresponds to line n of another. Only "\n" ends a line."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from coma_cli.formats.data_file import BrokenSourceError, DataFile, Shard
from coma_cli.formats.files import Listed, lines_of, matching_files
from coma_cli.formats.rejected import Rejected, row_origin

_FORM = "Give both files as they were published."


def split_name(name: str) -> str:
    """Our name for an upstream split: `valid` and `dev` become `validation`."""
    return {"valid": "validation", "dev": "validation"}.get(name, name)


def find_pairs(place: Path, pattern: str, sides: tuple[str, str], licence: str) -> list[Shard]:
    """The pairs of files at a location; the pattern's groups `split` and `side` identify the pair and the side.

    The first side is the shard and the second its companion. A file without its counterpart becomes a shard without a
    companion, which `read_pairs` rejects. Counterparts must be in the same folder.
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
    """Line number (from 1) and the two stripped lines; empty lines and lines that are not UTF-8 are `Rejected`.

    Raises:
        BrokenSourceError: one of the files is missing, they have different numbers of lines, or they are empty.
    """
    if not shard.companions:
        raise BrokenSourceError(f"{shard.file} has no counterpart in its folder.", _FORM)
    other = shard.companions[0]
    first, second = _count_lines(shard.file), _count_lines(other)
    if first != second:
        raise BrokenSourceError(f"{shard.file} has {first} lines, {other} has {second}.", _FORM)
    if not first:
        raise BrokenSourceError(f"{shard.file} holds no rows.", "Download it again, or exclude this source.")
    for number, halves in enumerate(zip_longest(lines_of(shard.file), lines_of(other), fillvalue=b""), start=1):
        try:
            one, two = (half.decode("utf-8").strip(" \t\r\n") for half in halves)
        except UnicodeDecodeError as error:
            yield Rejected("undecodable", f"not UTF-8: {error.reason}", row_origin(shard, number))
            continue
        if one and two:
            yield number, one, two
        else:
            yield Rejected("broken-row", "one side is empty", row_origin(shard, number), {"first": one, "second": two})


def _count_lines(file: DataFile) -> int:
    return sum(1 for _ in lines_of(file))
