"""Any number of instruction rows grown from a slice of CodeAlpaca: the same shapes and lengths, other words.

In each variant of a row most of its words and names are exchanged for others of the slice, the same word always for the
same one, so that programs still parse and variants are no near duplicates of one another. Every twentieth row is an
earlier one again, every second of those with one word changed.
"""

import builtins
import json
import keyword
import random
import re
from collections.abc import Iterator
from pathlib import Path

_WORD = re.compile(r"[A-Za-z_]{3,}")
_KEPT = {*keyword.kwlist, *dir(builtins), "self", "SELECT", "FROM", "WHERE"}
_EXCHANGED = 0.8
_REPEATED_EVERY = 20

Row = dict[str, str]


def slice_rows(folder: Path) -> list[Row]:
    """The rows of the slice below a folder of sources."""
    rows: list[Row] = []
    for path in sorted((folder / "codealpaca").glob("*.json")):
        rows += [{k: row[k] for k in ("instruction", "input", "output")} for row in json.loads(path.read_bytes())]
    return rows


def grown(rows: list[Row], count: int, seed: int = 0) -> Iterator[Row]:
    """`count` rows, the same for the same seed."""
    vocabulary = sorted({w for row in rows for text in row.values() for w in _WORD.findall(text)} - _KEPT)
    for number in range(count):
        draw = random.Random(seed << 32 | number)
        again = number % _REPEATED_EVERY == _REPEATED_EVERY - 1
        source = random.Random(seed << 32 | (number - draw.randrange(1, _REPEATED_EVERY))) if again else draw
        row = _variant(rows, vocabulary, source)
        yield {**row, "instruction": f"{row['instruction']} Thanks."} if again and number % 2 else row


def _variant(rows: list[Row], vocabulary: list[str], draw: random.Random) -> Row:
    if not rows:
        raise ValueError("nothing to grow from")
    draw.randrange(1, _REPEATED_EVERY)  # a repetition has drawn which row it repeats
    row = rows[draw.randrange(len(rows))]
    exchanged: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if word in _KEPT:
            return word
        if word not in exchanged:
            exchanged[word] = draw.choice(vocabulary) if draw.random() < _EXCHANGED else word
        return exchanged[word]

    return {name: _WORD.sub(other, text) for name, text in row.items()}


def write_shards(folder: Path, rows: list[Row], count: int, shards: int = 8) -> Path:
    """`count` rows as JSON lines in the layout that build-data reads CodeAlpaca from; the folder."""
    folder.mkdir(parents=True)
    stream = grown(rows, count)
    for shard in range(shards):
        size = count // shards + (shard < count % shards)
        with (folder / f"part_{shard}.jsonl").open("w", encoding="utf-8") as handle:
            handle.writelines(json.dumps(next(stream)) + "\n" for _ in range(size))
    return folder
