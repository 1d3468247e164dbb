"""The summary of `coma sample`, counted from existing rows, not from what was requested."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.records import Sample
from coma_cli.words import count_of


class SampleSummary(BaseModel):
    """A sample run in numbers.

    `n` is the latest request; rows of earlier, larger requests are kept and counted in `samples`. `seconds` and
    `tokens_per_s` cover only this start, None if nothing was left to do.
    """

    bench: str
    model: str
    engine: str
    template: str | None
    template_sha256: str | None
    template_reason: str | None
    prompt_form: str
    problems: int
    samples: int
    n: int
    temperatures: list[float]
    top_p: float
    top_k: int
    max_new_tokens: int
    finish_reasons: dict[str, int]
    truncated_share: float | None
    errors: list[str]
    prompt_tokens: int
    completion_tokens: int
    samples_this_start: int
    seconds: float | None
    tokens_per_s: float | None
    batch_size: int | None
    device: str | None
    dtype: str | None
    engine_path: str | None
    deterministic: bool
    quantize: str
    replaced: list[str]


class Counts(BaseModel):
    """Counts over the rows of a file."""

    problems: int
    samples: int
    finish_reasons: dict[str, int]
    truncated_share: float | None
    errors: list[str]
    prompt_tokens: int
    completion_tokens: int


def count_rows(rows: Iterable[Sample]) -> Counts:
    """Count samples; the last row of a key counts. Failures are counted separately."""
    latest = {row.key: row for row in rows}
    reasons = Counter(row.finish_reason for row in latest.values())
    made = [row for row in latest.values() if not row.failed]
    return Counts(
        problems=len({row.task_id for row in made}),
        samples=len(made),
        finish_reasons=dict(sorted(reasons.items())),
        truncated_share=reasons["length"] / len(made) if made else None,
        errors=sorted({row.error for row in latest.values() if row.failed})[:5],
        prompt_tokens=sum(row.prompt_tokens for row in made),
        completion_tokens=sum(row.completion_tokens for row in made),
    )


def headline(summary: Mapping[str, Any]) -> str:
    """The result in a few words."""
    truncated = summary["truncated_share"]
    cut = f", {truncated:.0%} truncated" if truncated else ""
    samples, problems = count_of(summary["samples"], "completion"), count_of(summary["problems"], "problem")
    return f"{samples} for {problems} by {summary['model']}{cut}"


def show(summary: Mapping[str, Any]) -> None:
    """Print the summary."""
    console.print_values("sample", {name: value for name, value in summary.items() if value not in (None, [])})
