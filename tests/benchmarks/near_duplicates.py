"""Near duplicates: rows per second of build-data's search beside `datasketch` MinHash and LSH.

    python -m tests.benchmarks.near_duplicates [--rows 100000] [--rounds 3] [--peer PYTHON]

Both read the same rows from one file: functions, instructions and pairs of `../shared/data`, grown to the number of
rows by changing them beyond recognition (half of the tokens replaced), and planted near duplicates of one row in ten,
with one to eight words changed: no numbers, strings or words like `max`, since by those coma tells rows apart. Both use
the same tokens, shingles of five, 128 permutations and the threshold 0.8.
Counted is all from the rows in memory (coma's as its records, the peer's as text) to the clusters. The peer gets the
banding that its own library chooses and does what its documentation shows: it asks for neighbours, then inserts; and is
run a second time with candidates verified by the values' own estimate. A pair is right if the true Jaccard index of its
shingles reaches the threshold.

datasketch needs to be importable by `--peer` (default: this Python); `python -m venv peers` and `pip install
datasketch` give it one.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Not from tests.requirements: the peer's Python has no pytest.
ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
SHINGLE, PERMUTATIONS, THRESHOLD = 5, 128, 0.8
MIN_TOKENS = 12


# --- the rows ---


def seeds() -> list[list[str]]:
    """Texts of the slices as lists of tokens."""
    from coma_cli.words import tokens

    texts: list[str] = []
    for path in sorted(SHARED_DATA.glob("codexglue_code_to_text/dataset/ruby/*.jsonl")):
        texts += [json.loads(line)["code"] for line in path.read_text(encoding="utf-8").splitlines()]
    for path in sorted(SHARED_DATA.glob("codexglue_clone_detection/**/data.jsonl")):
        texts += [json.loads(line)["func"] for line in path.read_text(encoding="utf-8").splitlines()]
    for row in json.loads((SHARED_DATA / "codealpaca" / "code_alpaca_2k.json").read_text(encoding="utf-8")):
        texts.append(f"{row['instruction']} {row['input']} {row['output']}")
    found = (tokens(text) for text in texts if text.isascii())
    return [run for run in found if 2 * MIN_TOKENS <= len(run) <= 600]


def grow(count: int) -> Iterator[tuple[str, int]]:
    """Texts, and for a planted one the number of the text that it was made from, else -1."""
    dice = random.Random(0)
    sources = seeds()
    made: list[list[str]] = []
    for number in range(count):
        if number % 11 == 10:
            original = dice.randrange(len(made))
            copy = _changed(made[original], dice.randint(1, 8), dice, _plain_names(made[original]))
            made.append(copy)
            yield " ".join(copy), original
        else:
            run = sources[number % len(sources)]
            fresh = _changed(run, max(1, len(run) // 2), dice) if number >= len(sources) else list(run)
            made.append(fresh)
            yield " ".join(fresh), -1


def _changed(run: Sequence[str], changes: int, dice: random.Random, places: Sequence[int] | None = None) -> list[str]:
    made = list(run)
    free = range(len(made)) if places is None else places
    for place in dice.sample(free, min(changes, len(free))):
        made[place] = f"v{dice.randrange(10**6)}"
    return made


def _plain_names(run: Sequence[str]) -> list[int]:
    """The places of words outside of strings, but for those by which coma tells rows apart."""
    from coma_cli.corpus.dedup.normalized_code import CONTRASTS

    places, quote = [], ""
    for place, token in enumerate(run):
        if token in "\"'`":
            quote = "" if token == quote else quote or token
        elif not quote and token.isalpha() and token.lower() not in CONTRASTS:
            places.append(place)
    return places


def shingles(text: str) -> set[str]:
    """The set by which two texts are compared, of texts whose tokens stand between blanks."""
    run = text.split()
    return {" ".join(run[at : at + SHINGLE]) for at in range(max(1, len(run) - SHINGLE + 1))}


def true_index(one: str, other: str) -> float:
    """The Jaccard index of two texts."""
    first, second = shingles(one), shingles(other)
    return len(first & second) / len(first | second)


# --- the ways, each run in a process of its own ---


def as_rows(texts: Sequence[str]) -> list[Any]:
    """The texts as the rows that build-data holds at this point; making them is no part of the search."""
    from coma_cli.records import Example

    blank = {"task": "", "source": "", "language": "", "licence": ""}
    return [Example(id="", instruction=text, output="", **blank) for text in texts]


def ours(rows: Sequence[Any]) -> list[tuple[int, int]]:
    """Each row that leaves, with the row that stays in its place."""
    import numpy as np

    from coma_cli.corpus.dedup.fingerprints import Fingerprints
    from coma_cli.corpus.dedup.minhash import NearRules
    from coma_cli.corpus.dedup.near import clusters

    rules = NearRules(threshold=THRESHOLD, permutations=PERMUTATIONS, shingle_tokens=SHINGLE, min_tokens=MIN_TOKENS)
    fingerprints = Fingerprints.of(rows, rules)
    labels = clusters(fingerprints.by_text, np.arange(len(rows)), THRESHOLD, np.ones(len(rows), dtype=bool))
    return [(row, first) for row, first in enumerate(labels.tolist()) if row != first]


def theirs(texts: Sequence[str], *, verified: bool) -> list[tuple[int, int]]:
    """Each row that has a neighbour before it, with that neighbour."""
    import re

    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found]

    token = re.compile(r"\w+|[^\w\s]")
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    values: dict[int, Any] = {}
    found = []
    for number, text in enumerate(texts):
        run = token.findall(text.lower())
        made = MinHash(num_perm=PERMUTATIONS)
        made.update_batch([" ".join(run[at : at + SHINGLE]).encode() for at in range(max(1, len(run) - SHINGLE + 1))])
        near = index.query(made)
        if verified:
            near = [other for other in near if made.jaccard(values[other]) >= THRESHOLD]
            values[number] = made
        if near:
            found.append((number, min(near)))
        index.insert(number, made)
    return found


WAYS = {
    "coma": ours,
    "datasketch": lambda texts: theirs(texts, verified=False),
    "datasketch, estimate checked": lambda texts: theirs(texts, verified=True),
}


def measure_here(way: str, rows: Path) -> dict[str, Any]:
    """Do it once and say how long it took, with what memory, and what was found."""
    texts: list[Any] = [json.loads(line)[0] for line in rows.read_text(encoding="utf-8").splitlines()]
    if way == "coma":
        texts = as_rows(texts)
    WAYS[way](texts[:100])  # imports and tables are no part of the work
    before, began = time.process_time(), time.perf_counter()
    pairs = WAYS[way](texts)
    wall, cpu = time.perf_counter() - began, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": peak, "pairs": pairs}


def measure(way: str, rows: Path, python: str) -> dict[str, Any]:
    """Run one way in a fresh process, with one thread."""
    command = [python, "-m", "tests.benchmarks.near_duplicates", "--way", way, "--file", str(rows)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the comparison ---


def quality(pairs: Sequence[tuple[int, int]], texts: Sequence[str], planted: Sequence[int]) -> tuple[float, float]:
    """Which share of the planted pairs above the threshold was found, and which share of all that was found is false.

    A row that leaves is right if it comes near to the row that is named, or near to the one that it was made from.
    """
    left = {row for row, _ in pairs}
    due = {
        row for row, origin in enumerate(planted) if origin >= 0 and true_index(texts[row], texts[origin]) >= THRESHOLD
    }
    false = [
        row
        for row, first in pairs
        if row not in due and true_index(texts[row], texts[first]) < THRESHOLD and not _in_chain(row, texts, planted)
    ]
    return len(due & left) / len(due), len(false) / max(1, len(pairs))


def _in_chain(row: int, texts: Sequence[str], planted: Sequence[int]) -> bool:
    """Whether a row is near to one that was planted from it or from the same row: clusters are transitive."""
    kin = [other for other, origin in enumerate(planted) if origin >= 0 and origin in (row, planted[row])]
    return any(true_index(texts[row], texts[other]) >= THRESHOLD for other in kin if other != row)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways in turn and print one table."""
    parser = argparse.ArgumentParser(description="near duplicates beside datasketch")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", default=sys.executable, help="a Python that can import datasketch")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.way:
        sys.stdout.write(json.dumps(measure_here(asked.way, asked.file)))
        return
    from coma_cli import console

    has_peer = subprocess.run([asked.peer, "-c", "import datasketch"], capture_output=True, check=False).returncode == 0
    if not has_peer:
        sys.stderr.write("datasketch is not there: give a Python that has it with --peer\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        made = list(grow(asked.rows))
        rows.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
        texts, planted = [text for text, _ in made], [origin for _, origin in made]
        ways = list(WAYS) if has_peer else ["coma"]
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way in ways:
                found[way].append(measure(way, rows, sys.executable if way == "coma" else asked.peer))
    table = []
    wall = {way: statistics.median(one["wall_s"] for one in found[way]) for way in ways}
    cpu = {way: statistics.median(one["cpu_s"] for one in found[way]) for way in ways}
    for way in ways:
        recall, false = quality(found[way][0]["pairs"], texts, planted)
        times = cpu["datasketch"] / cpu[way] if has_peer else float("nan")
        peak = max(one["peak_mib"] for one in found[way])
        figures = (f"{wall[way]:.1f}", f"{cpu[way]:.1f}", f"{times:.1f}", f"{peak:.0f}")
        table.append((way, *figures, f"{recall:.2%}", f"{false:.2%}"))
    how = f"medians of {asked.rounds} rounds in turn, one thread, load {os.getloadavg()[0]:.1f} at the end"
    columns = ("way", "wall s", "CPU s", "times (CPU)", "peak MiB", "planted found", "false")
    console.print_table(f"Near duplicates among {asked.rows} rows; {how}", columns, table)


if __name__ == "__main__":
    main()
