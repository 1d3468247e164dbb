"""Held-out rows of the tasks as a benchmark: instruction rows whose answers are compared with the rows' own.

A worked example: a row of `validation.jsonl` with the task `code-summarization`, a function as its input and the first
paragraph of its documentation as its output. The model gets instruction and input in the template that it was trained
with, and its answer is compared with the output by BLEU and chrF.

A row of one's own benchmark names its metric instead of a task:
`{"task_id": "sql/1", "prompt": "Select all names.", "reference": "SELECT name FROM t", "metric": "exact-match"}`.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.catalog.benchmarks import VALIDATION as VALIDATION_NAME
from coma_cli.catalog.benchmarks.entry import Benchmark, RawBenchmark
from coma_cli.catalog.benchmarks.protocols import INSTRUCT
from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import Task
from coma_cli.errors import MissingInputError
from coma_cli.formats.published import read_published
from coma_cli.formats.text import optional_text
from coma_cli.jsonl import sha256_of
from coma_cli.languages import named_languages, parse_python
from coma_cli.records import HeldOut, Measure, Problem, TextLanguage
from coma_cli.syntax.used_names import UsedNames, names_used
from coma_cli.words import shown

FILES = ("validation.jsonl", "validation.jsonl.gz")
OWN_TASK = "own rows"
OWN_METRICS: tuple[Measure, ...] = ("exact-match", "edit-similarity", "bleu", "sentence-bleu", "chrf", "codebleu")
_CPU_LIMIT_S = 3.0  # as for HumanEval and MBPP
_ID_DIGITS = 20


def problem_of(row: Mapping[str, Any]) -> Problem | None:
    """A row of a known task, or one that names its metric, as a record; None for other rows."""
    if _names_metric(row):
        return metric_problem(row)
    task_name = row.get("task")
    if not isinstance(task_name, str) or task_name not in TASKS:
        return None
    task = TASKS[task_name]
    instruction, reference, given = row["instruction"], row["output"], optional_text(row.get("input"))
    if not isinstance(instruction, str) or not isinstance(reference, str) or given is None:
        raise ValueError("instruction, input and output must be strings")
    text_language: TextLanguage = "cn" if row.get("text_language") == "cn" else "en"
    language = optional_text(row.get("language")) or ""
    labels = task.labels[text_language] if task.labels else None
    is_label = labels is not None and reference in labels
    candidates = task.candidates_of(given) if task.candidates_of and not is_label else ()
    tests, names = _tests(task, language, given, reference)
    return Problem(
        task_id=str(row.get("id") or sha256_of([instruction, given, reference])[:_ID_DIGITS]),
        bench=VALIDATION_NAME,
        prompt=instruction,
        instruction=instruction,
        entry_point=names.entry_point if names else "",
        entry_points=names.used if names else (),
        tests=tests,
        reference=reference,
        cpu_limit_s=_CPU_LIMIT_S,
        held_out=HeldOut(
            task=task_name,
            measure="labels" if is_label else _measure(task, candidates, reference),
            input=given,
            language=language,
            answer_language=_answer_language(task_name, language, instruction),
            text_language=text_language,
            labels=labels if is_label else None,
            candidates=candidates if reference in candidates else (),
        ),
    )


def _names_metric(row: Mapping[str, Any]) -> bool:
    return "metric" in row and "reference" in row and "task" not in row


def metric_problem(row: Mapping[str, Any], bench: str = VALIDATION_NAME) -> Problem:
    """A row `{task_id, prompt, reference, metric}` as a record; `language` and `text_language` may be given too."""
    prompt, reference, metric = row["prompt"], row["reference"], row["metric"]
    if not isinstance(prompt, str) or not isinstance(reference, str):
        raise ValueError("prompt and reference must be strings")
    if metric not in OWN_METRICS:
        raise ValueError(f"metric must be one of {', '.join(OWN_METRICS)}")
    language = optional_text(row.get("language")) or ""
    text_language: TextLanguage = "cn" if row.get("text_language") == "cn" else "en"
    return Problem(
        task_id=str(row["task_id"]),
        bench=bench,
        prompt=prompt,
        instruction=prompt,
        tests="",
        reference=reference,
        cpu_limit_s=_CPU_LIMIT_S,
        held_out=HeldOut(
            task=OWN_TASK, measure=metric, language=language, answer_language=language, text_language=text_language
        ),
    )


def _measure(task: Task, candidates: tuple[str, ...], reference: str) -> Measure:
    """The task's own, but for a choice without its right answer, which is a word to be repeated."""
    return "word" if task.measure == "choice" and reference not in candidates else task.measure


def _answer_language(task: str, language: str, instruction: str) -> str:
    """The language of the answer's code: for a translation the other one that the instruction names."""
    if task != "code-translation":
        return language
    return next((name for name in named_languages(instruction) if name != language), "")


def _tests(task: Task, language: str, given: str, reference: str) -> tuple[str, UsedNames | None]:
    """The tests that a row brings in its input, assertions in Python, if its own program is one that they call."""
    asks_for_program = task.asks_in_words and not task.lists_candidates
    if not asks_for_program or language != "python" or not given.lstrip().startswith("assert"):
        return "", None
    parsed = parse_python(given)
    if parsed is None or not all(isinstance(node, ast.Assert) for node in parsed.body):
        return "", None
    try:
        return f"{given.strip()}\n", names_used(reference, given)
    except (SyntaxError, ValueError):
        return "", None


def read(bench_data: Path | None) -> RawBenchmark:
    """The rows of a file, or of the validation file of a run's folder."""
    if bench_data is None:
        raise MissingInputError(
            "There is no file of held-out rows.", "Give one with --bench-data; see docs/scoring.md."
        )
    path, rows = read_published(bench_data, FILES)
    return RawBenchmark(_of_known_tasks(rows, str(path)), str(path))


def _of_known_tasks(rows: tuple[Mapping[str, Any], ...], source: str) -> tuple[Mapping[str, Any], ...]:
    """The rows, if one of them has a known task.

    Raises:
        MissingInputError: none has.
    """
    if any(_names_metric(row) or (isinstance(row.get("task"), str) and row["task"] in TASKS) for row in rows):
        return rows
    named = sorted({str(row["task"]) for row in rows if row.get("task")})
    found = f"their tasks are {', '.join(map(shown, named[:5]))}" if named else 'they have no field "task"'
    raise MissingInputError(
        f"{source} has no row of a known task ({len(rows)} rows; {found}).",
        f'Give each row a "task": {", ".join(TASKS)}; or task_id, prompt, reference and metric.',
    )


VALIDATION = Benchmark(
    name=VALIDATION_NAME,
    size=0,
    cpu_limit_s=_CPU_LIMIT_S,
    id_prefix="",
    url="docs/scoring.md",
    licence="that of the rows",
    paper="",
    files=FILES,
    folder="",
    read=read,
    problem=problem_of,
    protocols=(INSTRUCT,),
)
