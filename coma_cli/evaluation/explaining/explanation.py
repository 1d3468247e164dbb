"""The result of `coma score --explain`: why samples failed, and the scores with other extraction protocols."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.evaluation.estimates import Estimate, cells
from coma_cli.evaluation.explaining.causes import REMEDIES
from coma_cli.evaluation.results import table_name, temperature_order
from coma_cli.journal import natural_order
from coma_cli.records import Record, Verdict, sample_key


class Cause(Record):
    """Why one sample failed, with the key of its verdict."""

    task_id: str
    temperature: float | None
    index: int
    protocol: str
    cause: str

    @property
    def key(self) -> str:
        return f"{sample_key(self.task_id, self.temperature, self.index)}|{self.protocol}"


class CauseCounts(BaseModel):
    """How often each cause occurs among the failed samples of one protocol and temperature, most common first."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    temperature: float | None
    samples: int
    failed: int
    causes: dict[str, int]
    examples: dict[str, str]


class Alternative(BaseModel):
    """The scores of the same samples with another protocol; `rescued` and `lost` are relative to the first one."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    temperature: float | None
    pass_at_k: dict[str, Estimate]
    passed: int
    rescued: int
    lost: int


class Explanation(BaseModel):
    """Why samples failed, and the scores with other protocols."""

    model_config = ConfigDict(frozen=True)

    causes: list[CauseCounts]
    alternatives: list[Alternative]


def count_causes(
    verdicts: Iterable[Verdict], causes: Iterable[Cause], protocols: Sequence[str], kept: Container[str] = ()
) -> list[CauseCounts]:
    """Counts by protocol, then by temperature.

    The example of a cause is its first sample, of those whose program is `kept` (keys of verdicts) if there is one.
    """
    samples: Counter[tuple[str, float | None]] = Counter()
    for key in {row.key: (row.protocol, row.temperature) for row in verdicts}.values():
        samples[key] += 1
    named: dict[tuple[str, float | None], dict[str, list[str]]] = {}
    for cause in {row.key: row for row in causes}.values():
        of_table = named.setdefault((cause.protocol, cause.temperature), {})
        of_table.setdefault(cause.cause, []).append(cause.key)
    order = sorted(samples, key=lambda table: (protocols.index(table[0]), temperature_order(table[1])))
    return [_counts(table, samples[table], named.get(table, {}), kept) for table in order]


def _counts(
    table: tuple[str, float | None], samples: int, named: Mapping[str, list[str]], kept: Container[str]
) -> CauseCounts:
    ordered = sorted(named, key=lambda cause: (-len(named[cause]), cause))
    return CauseCounts(
        protocol=table[0],
        temperature=table[1],
        samples=samples,
        failed=sum(map(len, named.values())),
        causes={cause: len(named[cause]) for cause in ordered},
        examples={cause: _example(named[cause], kept).rpartition("|")[0] for cause in ordered},
    )


def _example(keys: Sequence[str], kept: Container[str]) -> str:
    """The first key in natural order, of those that are kept if there are any."""
    return min([key for key in keys if key in kept] or keys, key=natural_order)


def show(explanation: Mapping[str, Any]) -> None:
    """Print both parts."""
    from coma_cli import console

    temperatures = [counts["temperature"] for counts in explanation["causes"]]

    def name_of(row: Mapping[str, Any]) -> str:
        return table_name(row["protocol"], row["temperature"], beside=temperatures)

    for counts in explanation["causes"]:
        rows = [
            (cause, str(count), f"{100 * count / counts['samples']:.1f} %", counts["examples"][cause])
            for cause, count in counts["causes"].items()
        ]
        title = f"Why {counts['failed']} of {counts['samples']} samples fail ({name_of(counts)})"
        console.print_table(title, ("cause", "samples", "share", "example"), rows)
    if explanation["alternatives"]:
        shown = [(name_of(row), *_scores(row)) for row in explanation["alternatives"]]
        title = "The same samples with other protocols"
        console.print_table(title, ("protocol", "pass@k", "95 % interval", "rescued", "lost"), shown)
    for line in advice(explanation):
        console.print_line(line)


def _scores(row: Mapping[str, Any]) -> tuple[str, ...]:
    k, estimate = next(iter(row["pass_at_k"].items()))
    value, interval, _ = cells(estimate)
    return f"pass@{k} {value}", interval, str(row["rescued"]), str(row["lost"])


def advice(explanation: Mapping[str, Any]) -> list[str]:
    """One line for each cause with a remedy, most common first, without repetition."""
    counts: Counter[str] = Counter()
    for table in explanation["causes"]:
        counts.update(table["causes"])
    return [f"{cause} ({count}): {REMEDIES[cause]}" for cause, count in counts.most_common() if cause in REMEDIES]
