"""A file of instructions as something to sample: rows of `instruction` and, if any, `input`, without an answer.

A worked example: `{"instruction": "Reverse a list.", "input": "[1, 2]"}`, answered in the model's template. There is
nothing to compare an answer with, so such samples are never scored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.catalog.benchmarks import PROMPTS as PROMPTS_NAME
from coma_cli.catalog.benchmarks.entry import Benchmark, RawBenchmark
from coma_cli.errors import MissingInputError
from coma_cli.formats.text import optional_text
from coma_cli.jsonl import sha256_of
from coma_cli.records import Problem

_ID_DIGITS = 20


def problem_of(row: Mapping[str, Any]) -> Problem:
    """A row as a record."""
    instruction, given = row["instruction"], optional_text(row.get("input"))
    if not isinstance(instruction, str) or given is None:
        raise ValueError("instruction and input must be strings")
    text = f"{instruction}\n\n{given}" if given else instruction
    if not text.strip():
        raise ValueError("instruction and input are empty")
    return Problem(
        task_id=str(row.get("id") or sha256_of([instruction, given])[:_ID_DIGITS]),
        bench=PROMPTS_NAME,
        prompt=text,
        instruction=text,
        tests="",
        reference="",
        cpu_limit_s=1.0,
    )


def read(bench_data: Path | None) -> RawBenchmark:
    """The rows of a file."""
    from coma_cli.formats.published import read_published

    if bench_data is None:
        raise MissingInputError("There is no file of instructions.", "Give one with --bench-data.")
    path, rows = read_published(bench_data, ("prompts.jsonl",))
    return RawBenchmark(rows, str(path))


ENTRY = Benchmark(
    name=PROMPTS_NAME,
    size=0,
    cpu_limit_s=1.0,
    id_prefix="",
    url="docs/sampling.md",
    licence="that of the rows",
    paper="",
    files=("prompts.jsonl",),
    folder="",
    read=read,
    problem=problem_of,
)
