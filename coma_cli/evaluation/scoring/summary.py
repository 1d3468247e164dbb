"""What `coma score` says at the end: pass@k with intervals, verdict counts, and how the programs were run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict

from coma_cli.evaluation.estimates import DEFAULT_KS, Estimate, cells
from coma_cli.evaluation.explaining import explanation
from coma_cli.evaluation.explaining.explanation import Explanation
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.evaluation.scoring.programs import program_digest
from coma_cli.records import Verdict, VerdictName
from coma_cli.words import count_of

_Fact = tuple[str, float, str, VerdictName, VerdictName | None]  # protocol, temperature, task id, verdict, base


class BaseResult(BaseModel):
    """The scores on the base inputs alone, of benchmarks that have more."""

    model_config = ConfigDict(frozen=True)

    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]


class Result(BaseModel):
    """The scores of the samples of one temperature under one protocol."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    temperature: float
    problems: int
    samples: int
    n_min: int
    n_max: int
    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]
    base: BaseResult | None = None


class ReferenceSummary(BaseModel):
    """How the benchmark's own solutions fared on this machine."""

    model_config = ConfigDict(frozen=True)

    checked: int
    passed: int
    failed: list[str]


class ScoreSummary(BaseModel):
    """The summary of a score run; the fields of the first of `results` stand at the top too."""

    model_config = ConfigDict(frozen=True)

    bench: str
    samples_from: str
    protocol: str | None
    problems: int
    bench_problems: int
    partial: bool
    samples: int
    n_min: int
    n_max: int
    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]
    base: BaseResult | None
    results: list[Result]
    references: ReferenceSummary
    isolation: str
    isolation_lost: list[str]
    mode: str
    inproc_problems: list[str]
    unique_programs: int
    programs_run: int
    programs_per_s: float | None
    left_out: dict[str, int]
    explanation: Explanation | None = None
    picture: str | None = None


@dataclass
class _Table:
    """The verdicts of one protocol and temperature, problem by problem."""

    samples: Counter[str] = field(default_factory=Counter)
    correct: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    base_correct: Counter[str] = field(default_factory=Counter)
    base_verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, task_id: str, verdict: VerdictName, base: VerdictName | None) -> None:
        self.samples[task_id] += 1
        self.correct[task_id] += verdict == "pass"
        self.verdicts[verdict] += 1
        if base is not None:
            self.base_correct[task_id] += base == "pass"
            self.base_verdicts[base] += 1

    def tallies(self) -> list[Tally]:
        return [Tally(count, self.correct[task_id]) for task_id, count in self.samples.items()]

    def base_tallies(self) -> list[Tally]:
        return [Tally(count, self.base_correct[task_id]) for task_id, count in self.samples.items()]


@dataclass(frozen=True)
class Counted:
    """Results per protocol and temperature, what they were counted from, and how many distinct programs there are."""

    results: list[Result]
    tallies: list[list[Tally]]
    unique_programs: int


def count(
    rows: Iterable[Verdict], protocols: Sequence[str], ks: Sequence[int], gates: Sequence[int], seed: int
) -> Counted:
    """Results in the order of the protocols, then of the temperatures; the last row of a key counts.

    `ks` empty means the usual ones as far as they are defined; `gates` are further k that a threshold was set for.
    """
    newest: dict[str, _Fact] = {}
    facts: dict[_Fact, _Fact] = {}
    programs: set[bytes] = set()
    for row in rows:
        fact = (row.protocol, row.temperature, row.task_id, row.verdict, row.base)
        newest[row.key] = facts.setdefault(fact, fact)  # few facts differ: each is kept once
        programs.add(program_digest(row.task_id, row.program_sha256))
    tables: dict[tuple[str, float], _Table] = {}
    for protocol, temperature, task_id, verdict, base in newest.values():
        tables.setdefault((protocol, temperature), _Table()).add(task_id, verdict, base)
    order = sorted(tables, key=lambda name: (protocols.index(name[0]), name[1]))
    results = [_result(*name, tables[name], ks, gates, seed) for name in order]
    return Counted(results, [tables[name].tallies() for name in order], len(programs))


def _result(
    protocol: str, temperature: float, table: _Table, ks: Sequence[int], gates: Sequence[int], seed: int
) -> Result:
    tallies = table.tallies()
    least = min(t.samples for t in tallies)
    wanted = sorted({*(ks or (k for k in DEFAULT_KS if k <= least)), *gates})

    def estimates(counted: Sequence[Tally]) -> dict[str, Estimate]:
        return {str(k): Estimate.of(pass_at_k(counted, k, seed)) for k in wanted}

    return Result(
        protocol=protocol,
        temperature=temperature,
        problems=len(tallies),
        samples=sum(t.samples for t in tallies),
        n_min=least,
        n_max=max(t.samples for t in tallies),
        pass_at_k=estimates(tallies),
        verdicts=_named(table.verdicts),
        base=BaseResult(pass_at_k=estimates(table.base_tallies()), verdicts=_named(table.base_verdicts))
        if table.base_verdicts
        else None,
    )


def _named(verdicts: Counter[str]) -> dict[str, int]:
    return {name: verdicts[name] for name in get_args(VerdictName)}


def show(summary: Mapping[str, Any]) -> None:
    """Print a summary for a person: one table, and the lines that say what it rests on."""
    from coma_cli import console

    if summary["results"]:
        console.print_table(_title(summary), ("pass@k", "value", "95 % interval", "from sampling"), _rows(summary))
    for line in _lines(summary):
        console.stdout().print(line, markup=False)
    if summary.get("explanation"):
        explanation.show(summary["explanation"])


def _title(summary: Mapping[str, Any]) -> str:
    n = str(summary["n_min"]) if summary["n_min"] == summary["n_max"] else f"{summary['n_min']} to {summary['n_max']}"
    part = f" of {summary['bench_problems']}" if summary["partial"] else ""
    problems = f"{summary['problems']}{part} problems" if part else count_of(summary["problems"], "problem")
    return f"{summary['bench']}: {problems}, n = {n}, samples {summary['samples_from']}"


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    several_protocols = len({r["protocol"] for r in summary["results"]}) > 1
    several_temperatures = len({r["temperature"] for r in summary["results"]}) > 1
    rows: list[tuple[str, ...]] = []
    for result in summary["results"]:
        which = f" {result['protocol']}" if several_protocols else ""
        which += f" T={result['temperature']:g}" if several_temperatures else ""
        if result.get("base"):
            rows += [(f"pass@{k}{which} base", *cells(e)) for k, e in result["base"]["pass_at_k"].items()]
            which += " base + plus"
        rows += [(f"pass@{k}{which}", *cells(estimate)) for k, estimate in result["pass_at_k"].items()]
    return rows


def _lines(summary: Mapping[str, Any]) -> Iterable[str]:
    for result in summary["results"]:
        name = f" ({result['protocol']}, T={result['temperature']:g})" if len(summary["results"]) > 1 else ""
        yield f"Verdicts{name}: " + ", ".join(f"{count} {verdict}" for verdict, count in result["verdicts"].items())
    references = summary["references"]
    failed = f"; failed: {', '.join(references['failed'])}" if references["failed"] else ""
    yield f"References: {references['passed']} of {references['checked']} pass{failed}"
    inproc = len(summary["inproc_problems"])
    problems = count_of(inproc, "problem")
    apart = f", {problems} inproc by their reference" if inproc and summary["mode"] == "split" else ""
    lost = f", without {', '.join(summary['isolation_lost'])}" if summary["isolation_lost"] else ""
    yield f"Isolation: {summary['isolation']}{lost}; tests: {summary['mode']}{apart}"
    rate = f", {summary['programs_per_s']:.0f}/s" if summary["programs_per_s"] else ""
    yield f"Programs: {summary['unique_programs']} distinct, {summary['programs_run']} run{rate}"


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    if not summary["results"]:
        return f"{summary['references']['passed']} of {summary['references']['checked']} references pass"
    parts = [
        f"pass@{k} {cells(e)[0]} ({cells(e)[1]})" for k, e in summary["pass_at_k"].items() if e["value"] is not None
    ]
    what = f"{summary['bench']}, {count_of(summary['problems'], 'problem')}"
    return f"{what}: {'; '.join(parts) or 'no pass@k is defined'}"
