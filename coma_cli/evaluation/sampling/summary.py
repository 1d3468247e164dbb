"""The summary of `coma sample`, counted from existing rows, not from what was requested."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.catalog.benchmarks import PROMPTS
from coma_cli.records import Sample
from coma_cli.words import count_of

MOST_TRUNCATED = 0.05  # a larger share of completions cut at the limit is worth a warning


class SampleSummary(BaseModel):
    """A sample run in numbers.

    `protocol_departures` are the settings that differ from the protocol's, in words; `extraction` is the protocol of
    `coma score` that goes with it. `n` is the latest request; rows of earlier, larger requests are kept and counted in
    `samples`. `without_end_share` is the share that no end token of the model ended. `seconds` and `tokens_per_s` cover
    only this start, None if nothing was left to do; so do `workers`, the processes that computed rows if there were
    several.
    """

    bench: str
    model: str
    engine: str
    engine_args: dict[str, Any]
    protocol: str
    protocol_departures: list[str]
    extraction: str
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
    max_length: int | None
    min_new_tokens: int
    repetition_penalty: float
    num_beams: int
    stop: list[str]
    finish_reasons: dict[str, int]
    truncated_share: float | None
    without_end_share: float | None
    reasoning_cut: int
    empty_completions: int
    errors: list[str]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    max_reasoning_tokens: int | None
    samples_this_start: int
    seconds: float | None
    tokens_per_s: float | None
    batch_size: int | None
    device: str | None
    workers: list[str]
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
    without_end_share: float | None
    reasoning_cut: int
    empty_completions: int
    errors: list[str]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int


def count_rows(rows: Iterable[Sample]) -> Counts:
    """Count samples; the last row of a key counts. Failures are counted separately."""
    latest = {row.key: row for row in rows}
    reasons = Counter(row.finish_reason for row in latest.values())
    made = [row for row in latest.values() if not row.failed]
    return Counts(
        problems=len({row.task_id for row in made}),
        samples=len(made),
        finish_reasons=dict(sorted(reasons.items())),
        truncated_share=sum(_truncated(row) for row in made) / len(made) if made else None,
        without_end_share=sum(row.finish_reason != "eos" for row in made) / len(made) if made else None,
        reasoning_cut=sum(row.reasoning_cut for row in made),
        empty_completions=sum(not row.completion.strip() and not row.reasoning_cut for row in made),
        errors=sorted({row.error for row in latest.values() if row.failed})[:5],
        prompt_tokens=sum(row.prompt_tokens for row in made),
        completion_tokens=sum(row.completion_tokens for row in made),
        reasoning_tokens=sum(row.reasoning_tokens for row in made),
    )


def _truncated(row: Sample) -> bool:
    """Whether a row ends where a limit cut it; a reasoning part that never ended counts, whatever ended it."""
    return row.finish_reason == "length" or row.reasoning_cut


def warnings(summary: SampleSummary) -> list[str]:
    """What is wrong with the completions as a whole."""
    found = []
    if summary.reasoning_cut:
        cut = count_of(summary.reasoning_cut, "completion")
        found.append(
            f"{cut} of {summary.samples} ended within the reasoning part and have no answer; raise "
            f"--max-reasoning-tokens above {summary.max_reasoning_tokens or 'the limit'}, or use "
            "--chat-template-kwargs enable_thinking=false."
        )
    cut_share = summary.truncated_share or 0
    if cut_share > MOST_TRUNCATED and not summary.reasoning_cut:
        found.append(
            f"{cut_share:.0%} of the completions were cut at the limit of {summary.max_new_tokens} tokens; raise "
            "--max-new-tokens."
        )
    if summary.empty_completions:
        empty, has = count_of(summary.empty_completions, "completion"), summary.empty_completions == 1
        found.append(f"{empty} of {summary.samples} {'has' if has else 'have'} no text.")
    return found


def headline(summary: Mapping[str, Any]) -> str:
    """The result in a few words."""
    truncated = summary["truncated_share"]
    cut = f", {truncated:.0%} truncated" if truncated else ""
    samples, problems = count_of(summary["samples"], "completion"), count_of(summary["problems"], "problem")
    return f"{samples} for {problems} by {summary['model']}{cut}"


def followed_by(summary: Mapping[str, Any]) -> str | None:
    """The command that comes next: none for answers to a user's own instructions, which are never scored."""
    return None if summary["bench"] == PROMPTS else "score"


def show(summary: Mapping[str, Any]) -> None:
    """Print the summary."""
    console.print_values("sample", {name: value for name, value in summary.items() if value not in (None, [], {})})
