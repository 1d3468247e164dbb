"""A run of gen-instructions that writes wordings of tasks' instructions in place of rows: its files and its summary."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from coma_cli.corpus.wordings import WORDINGS_FILE
from coma_cli.engines.openai_session import Traffic
from coma_cli.errors import CliError
from coma_cli.instructions.budget import Spending
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.task_wordings import GatheredWordings
from coma_cli.jsonl import write_rows
from coma_cli.words import count_of
from coma_cli.workspace import Run, StageResult

DROPPED = "dropped.jsonl"


class WordingsSummary(BaseModel):
    """How many wordings were kept, of which tasks, why others were not, and the cost; `usd` is None without a price."""

    model: str
    text_language: str
    wordings: int
    by_task: dict[str, int]
    dropped: dict[str, int]
    calls: int
    calls_this_start: int
    answers_reused: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    max_usd: float | None


def finish_wordings(
    run: Run, found: GatheredWordings, settings: GenSettings, spending: Spending, traffic: Traffic, *, priced: bool
) -> StageResult:
    """Write the wordings, and those that were dropped.

    Raises:
        CliError: none was kept.
    """
    scratch = run.scratch("rows")
    for name, rows in ((WORDINGS_FILE, found.kept), (DROPPED, found.dropped)):
        write_rows(scratch / name, (row.to_row() for row in sorted(rows, key=lambda row: row.key)))
        run.place(scratch / name, name)
    if not found.kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in found.reasons.items()) or "no answers"
        raise CliError(
            f"No wording could be used ({reasons}).", f"See {run.path / DROPPED}; another --model may do better."
        )
    summary = WordingsSummary(
        model=settings.model,
        text_language=settings.text_language,
        wordings=len(found.kept),
        by_task=dict(Counter(row.task for row in found.kept)),
        dropped=found.reasons,
        calls=spending.calls,
        calls_this_start=traffic.answered,
        answers_reused=traffic.reused,
        prompt_tokens=spending.prompt_tokens,
        completion_tokens=spending.completion_tokens,
        usd=spending.usd if priced else None,
        max_usd=settings.max_usd,
    )
    tokens = spending.prompt_tokens + spending.completion_tokens
    return StageResult(summary, (WORDINGS_FILE, DROPPED), tokens, summary.usd)


def wordings_headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made, and what to type to use it."""
    return f"{count_of(summary['wordings'], 'wording')}; to use them: coma build-data --wordings RUN"
