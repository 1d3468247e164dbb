"""Counts verdicts: the scores of each temperature and protocol, by problem."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.extraction.programs import program_digest
from coma_cli.evaluation.estimates import DEFAULT_KS, Estimate
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.records import Verdict, VerdictName

_Fact = tuple[str, float | None, str, VerdictName, VerdictName | None]  # protocol, temperature, task id, verdict, base


class BaseResult(BaseModel):
    """The scores on the base inputs alone, for benchmarks that have more inputs."""

    model_config = ConfigDict(frozen=True)

    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]


class Result(BaseModel):
    """The scores of the samples of one temperature with one protocol; None: the samples state no temperature."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    temperature: float | None
    problems: int
    samples: int
    n_min: int
    n_max: int
    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]
    base: BaseResult | None = None


@dataclass
class _Table:
    """The verdicts of one protocol and temperature, by problem."""

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
    """Results per protocol and temperature, the verdicts behind them, and the number of distinct programs."""

    results: list[Result]
    tallies: list[list[Tally]]
    unique_programs: int


def count(
    rows: Iterable[Verdict], protocols: Sequence[str], ks: Sequence[int], gates: Sequence[int], seed: int
) -> Counted:
    """Results by protocol, then by temperature; the last row of a key counts.

    If `ks` is empty, the usual ones that are defined are used; `gates` are additional k with a threshold.
    """
    newest: dict[str, _Fact] = {}
    facts: dict[_Fact, _Fact] = {}
    programs: set[bytes] = set()
    for row in rows:
        fact = (row.protocol, row.temperature, row.task_id, row.verdict, row.base)
        newest[row.key] = facts.setdefault(fact, fact)  # few facts differ: each is stored once
        if row.program_sha256:
            programs.add(program_digest(row.task_id, row.program_sha256))
    tables: dict[tuple[str, float | None], _Table] = {}
    for protocol, temperature, task_id, verdict, base in newest.values():
        tables.setdefault((protocol, temperature), _Table()).add(task_id, verdict, base)
    order = sorted(tables, key=lambda name: (protocols.index(name[0]), temperature_order(name[1])))
    results = [_result(*name, tables[name], ks, gates, seed) for name in order]
    return Counted(results, [tables[name].tallies() for name in order], len(programs))


def _result(
    protocol: str, temperature: float | None, table: _Table, ks: Sequence[int], gates: Sequence[int], seed: int
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


def temperature_order(temperature: float | None) -> tuple[bool, float]:
    """A sort key: low temperatures first, an unknown one last."""
    return temperature is None, temperature or 0.0


def table_name(protocol: str, temperature: float | None, *, beside: Iterable[float | None] = ()) -> str:
    """A result's name: protocol and temperature; one that is not stated is named only `beside` others that are."""
    if temperature is None and all(other is None for other in beside):
        return protocol
    return f"{protocol}, {temperature_text(temperature)}"


def temperature_text(temperature: float | None) -> str:
    """A temperature for tables."""
    return "T not stated" if temperature is None else f"T={temperature:g}"


def _named(verdicts: Counter[str]) -> dict[str, int]:
    """Counts by verdict; samples without an answer are listed only where there are any."""
    return {name: verdicts[name] for name in get_args(VerdictName) if name != "no-answer" or verdicts[name]}
