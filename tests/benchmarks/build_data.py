"""`coma build-data` as a whole beside the pipeline that one would write with `datasets` and `datasketch`.

    python -m tests.benchmarks.build_data [--rows 100000] [--rounds 3] [--grown 250000,1000000] [--slices DIR]

Two measurements over rows grown from the slice of CodeAlpaca (see `_grown_rows`):

* speed: both do the same steps on the same files with as many processes: read, tell the programming language, clean
  (lengths, stock phrases, secrets, code that does not parse by Python's or by tree-sitter's grammars), exact and near
  duplicates of questions and of answers (the same permutations and threshold), HumanEval's and MBPP's problems by runs
  of ten words, split by a hash, training rows written as JSON lines. In turn, medians of wall time, start included;
  coma does more besides (dropped rows and evidence, a split by function, solutions under other names, frames for lone
  methods, card, exports). Functions are run against the benchmarks' tests, for which the other has nothing, in a third
  measurement, which begins with an empty cache as the others do;
* growth: wall time, CPU time and peak memory of the whole tree of processes at two sizes; pages that several processes
  share count once in all.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli import console
from coma_cli.corpus.cleaning.masking import masked_text
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.languages import looks_like_python
from coma_cli.parallel.machine import default_workers
from coma_cli.syntax.detection import detect_language
from coma_cli.syntax.trees import PARSED_LANGUAGES
from tests.benchmarks._grown_rows import slice_rows, write_shards
from tests.benchmarks._watch import Watch
from tests.requirements import ROOT, SHARED_DATA

RULES = NearRules()
MOST_MIB = 1.5 * 1024
MOST_GROWTH = 4.4
LEAST_SPEED = 3.0
MOST_WITH_LEVEL_3 = 2.0
FIGURES = ("wall s", "rows/s", "CPU s", "peak MiB")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_GRAM = 10


class Measured(NamedTuple):
    """One way on one work, once; memory is of all processes together."""

    rows: int
    wall_s: float
    cpu_s: float
    peak_mib: float


def coma(rows: Path, slices: Path, folder: Path, behaviour: str = "off") -> int:
    """Build the data with the command; the number of training rows. `behaviour` "report" runs functions as well."""
    command = [sys.executable, "-m", "coma_cli", "build-data", "--source", f"codealpaca={rows}"]
    command += ["--bench-data", str(slices), "--workers", str(default_workers()), "--json", "-w", str(folder)]
    command += ["--decontaminate-behaviour", behaviour]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=False, env=_environment(rows, folder))
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return int(json.loads(done.stdout)["rows"]["train"])


def obvious(rows: Path, slices: Path, folder: Path) -> int:
    """The same by the obvious pipeline, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.build_data", "--obvious", str(rows), str(slices), str(folder)]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=False, env=_environment(rows, folder))
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    return int(done.stdout.split()[-1])


def _environment(rows: Path, folder: Path) -> dict[str, str]:
    """Compiled modules are kept between runs, as they are where coma is installed; nothing else is."""
    kept = {"PYTHONPYCACHEPREFIX": str(rows.parent / "compiled"), "COMA_CACHE": str(folder / "coma-cache")}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | kept


def obvious_pipeline(rows: Path, slices: Path, folder: Path) -> int:
    """map and filter of `datasets`, MinHash and LSH of `datasketch`, sets of runs of words; rows of training."""
    import datasets
    from datasketch import MinHashLSH

    datasets.disable_progress_bars()
    workers = default_workers()
    found = sorted(map(str, rows.glob("*.jsonl")))
    data = datasets.load_dataset("json", data_files=found, split="train", cache_dir=str(folder / "cache"))
    data = data.map(_tidy, num_proc=workers).filter(_clean, num_proc=workers)
    grams = _benchmark_grams(slices)
    data = data.filter(_uncontaminated, fn_kwargs={"grams": grams}, num_proc=workers)
    data = data.map(_hashed, num_proc=workers)
    seen: set[str] = set()
    near = {part: MinHashLSH(threshold=RULES.threshold, num_perm=RULES.permutations) for part in ("question", "output")}
    kept = [number for number, row in enumerate(data) if _is_new(number, row, seen, near)]
    data = data.select(kept).map(_side, num_proc=workers)
    train = data.filter(lambda row: row["side"] == "train", num_proc=workers)
    train.select_columns(["instruction", "input", "output"]).to_json(str(folder / "train.jsonl"))
    return len(train)


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    made = {
        name: masked_text((row[name] or "").replace("\r\n", "\n").strip())
        for name in ("instruction", "input", "output")
    }
    return {**made, "language": detect_language(made["instruction"], made["input"], made["output"])}


def _clean(row: dict[str, Any]) -> bool:
    text = f"{row['instruction']} {row['input']} {row['output']}"
    if len(row["output"]) < 2 or len(text) > 8000 or len(text.split()) > 1200:
        return False
    if re.match(r"i'?m sorry|as an ai", row["output"], re.IGNORECASE):
        return False
    return _parses(row["language"], row["output"])


def _parses(language: str, code: str) -> bool:
    import ast
    import warnings

    from tree_sitter_language_pack import get_parser

    if language == "python":
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(code)
        except (SyntaxError, ValueError):
            return not looks_like_python(code)
    elif language in PARSED_LANGUAGES:
        root = get_parser(language).parse(code.encode()).root_node
        if language in ("c", "cpp", "sql"):  # as coma: macros and dialects are no reason
            return sum(node.end_byte - node.start_byte for node in root.children if node.is_error) <= len(code) / 2
        return not root.has_error
    return True


def _grams(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[start : start + _GRAM]) for start in range(len(words) - _GRAM + 1)}


def _benchmark_grams(slices: Path) -> set[tuple[str, ...]]:
    from coma_cli.catalog.benchmarks import BENCHMARKS

    problems = [*BENCHMARKS["humaneval"].load().problems, *BENCHMARKS["mbpp"].load(slices).problems]
    return set().union(*(_grams(text) for problem in problems for text in (problem.prompt, problem.reference)))


def _uncontaminated(row: dict[str, Any], grams: set[tuple[str, ...]]) -> bool:
    texts = (f"{row['instruction']}\n{row['input']}", row["output"])
    return all(grams.isdisjoint(_grams(text)) for text in texts)


def _hashed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "question": _minhash(f"{row['instruction']} {row['input']}"),
        "answer": _minhash(row["output"]),
    }


def _minhash(text: str) -> list[int]:
    from datasketch import MinHash

    tokens = _TOKEN.findall(text.lower())
    size = RULES.shingle_tokens
    made = MinHash(num_perm=RULES.permutations)
    made.update_batch([" ".join(tokens[i : i + size]).encode() for i in range(max(1, len(tokens) - size + 1))])
    return [int(value) for value in made.hashvalues]


@lru_cache(maxsize=1)
def _scheme() -> str:
    from datasketch import MinHash

    return str(MinHash(num_perm=RULES.permutations).scheme)


def _is_new(number: int, row: dict[str, Any], seen: set[str], near: dict[str, Any]) -> bool:
    from datasketch import MinHash

    exact = [" ".join(_TOKEN.findall(f"{row['instruction']} {row['input']}".lower()))]
    answer = _TOKEN.findall(row["output"].lower())
    exact += [" ".join(answer)] if len(answer) >= 20 else []
    if not seen.isdisjoint(exact):
        return False
    hashes = {"question": row["question"], "output": row["answer"] if len(answer) >= RULES.min_tokens else None}
    made = {
        part: MinHash(num_perm=RULES.permutations, hashvalues=values, scheme=_scheme())
        for part, values in hashes.items()
        if values is not None
    }
    if any(near[part].query(one) for part, one in made.items()):
        return False
    seen.update(exact)
    for part, one in made.items():
        near[part].insert(number, one)
    return True


def _side(row: dict[str, Any]) -> dict[str, str]:
    digest = hashlib.sha256(f"{row['instruction']}\n{row['input']}".encode()).digest()
    return {"side": "validation" if int.from_bytes(digest[:8], "big") < 0.05 * 2**64 else "train"}


def measured(way: Callable[[Path, Path, Path], int], rows: Path, slices: Path) -> Measured:
    """Do the work once in a fresh folder, and watch this process's children."""
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch()
        began = time.monotonic()
        with watch:
            count = way(rows, slices, Path(folder))
            wall = time.monotonic() - began
        return Measured(count, wall, watch.cpu_s, watch.peak_mib)


def speed(slices: Path, count: int, rounds: int) -> None:
    """Both ways in turn; medians."""
    with tempfile.TemporaryDirectory() as folder:
        rows = write_shards(Path(folder, "rows"), slice_rows(slices), count)
        ways: dict[str, Callable[[Path, Path, Path], int]] = {
            "coma build-data": coma,
            "datasets, datasketch": obvious,
            "coma, with level 3": partial(coma, behaviour="report"),
        }
        made: dict[str, list[Measured]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                made[name].append(measured(way, rows, slices))
    wall = {name: statistics.median(m.wall_s for m in all_) for name, all_ in made.items()}
    ratio = wall["datasets, datasketch"] / wall["coma build-data"]
    table = [(name, f"{all_[0].rows}", *_figures(count, wall[name], all_)) for name, all_ in made.items()]
    title = f"{count} rows, {default_workers()} processes, median of {rounds}"
    console.print_table(title, ("", "training rows", *FIGURES), table)
    sys.stdout.write(f"coma is {ratio:.1f} times as fast (wanted: {LEAST_SPEED:g})\n")
    more = wall["coma, with level 3"] / wall["coma build-data"]
    sys.stdout.write(f"with level 3 it takes {more:.1f} times as long (at most {MOST_WITH_LEVEL_3:g} wanted)\n\n")


def _figures(rows: int, wall_s: float, made: Sequence[Measured]) -> tuple[str, ...]:
    cpu_s = statistics.median(m.cpu_s for m in made)
    return f"{wall_s:.1f}", f"{rows / wall_s:.0f}", f"{cpu_s:.1f}", f"{max(m.peak_mib for m in made):.0f}"


def growth(slices: Path, sizes: Sequence[int]) -> None:
    """Time and memory at each size."""
    made: list[Measured] = []
    for count in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows = write_shards(Path(folder, "rows"), slice_rows(slices), count)
            made.append(measured(coma, rows, slices))
    table = [(f"{size}", f"{m.rows}", *_figures(size, m.wall_s, [m])) for size, m in zip(sizes, made, strict=True)]
    console.print_table("Growth", ("rows", "training rows", *FIGURES), table)
    times, cpu_times = made[-1].wall_s / made[0].wall_s, made[-1].cpu_s / made[0].cpu_s
    peak = max(m.peak_mib for m in made)
    sys.stdout.write(
        f"{sizes[-1] / sizes[0]:g} times the rows take {times:.2f} times the time (at most {MOST_GROWTH:g} wanted for "
        f"4 times) and {cpu_times:.2f} times the CPU time; peak {peak:.0f} MiB (at most {MOST_MIB:.0f})\n"
    )


def machine() -> str:
    """What this runs on."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{model[1] if model else platform.machine()}, {default_workers()} cores, Python {platform.python_version()}"


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grown", default="250000,1000000", help="sizes of the growth measurement; empty: none")
    parser.add_argument("--slices", type=Path, default=SHARED_DATA)
    parser.add_argument("--obvious", type=Path, nargs=3, metavar=("ROWS", "SLICES", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.obvious:
        sys.stdout.write(f"{obvious_pipeline(*options.obvious)}\n")
        return
    sys.stdout.write(f"{machine()}\n\n")
    if options.rounds:
        speed(options.slices, options.rows, options.rounds)
    if options.grown:
        growth(options.slices, [int(size) for size in options.grown.split(",")])


if __name__ == "__main__":
    main(sys.argv[1:])
