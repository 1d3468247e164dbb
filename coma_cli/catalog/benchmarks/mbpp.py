"""MBPP: 500 short Python tasks (task ids 11 to 510), each with three assertions; and its hand-checked subset of 257.

A worked example, MBPP/912 of the training split: "Write a function to find ln, m lobb number.", tested by
`assert int(lobb_num(5, 3)) == 35` and two more. The text doesn't name the function, so the prompt shows the assertions.

Its setup code makes a tree of the solution's own class, so MBPP/367 can't be tested from another process.

The published code has CRLF line ends in nearly every row and tabs in many. Two rows (367, 927) have setup code that
uses a class from the solution, so it runs after the program. Splits are ranges of task ids, not a column.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.catalog.benchmarks.entry import Benchmark, HubTask, RawBenchmark
from coma_cli.catalog.benchmarks.fetched import fetched_file
from coma_cli.catalog.benchmarks.mbpp_protocols import PROTOCOLS
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.published import read_published
from coma_cli.formats.text import unix_lines
from coma_cli.records import Problem
from coma_cli.syntax.used_names import names_used

CPU_LIMIT_S = 10.0  # CodeCapybara, `main/eval_mbpp.py`: timeout=10; reference 123 needs 3.3 s
TEST_IDS = range(11, 511)  # Austin et al. 2021, section 2.1; google-research `mbpp/README.md`
REPOSITORY = "google-research-datasets/mbpp"
REVISION = "4bb6404fdc6cacfda99d4ac4205087b89d32030c"
FULL_FILES = ("mbpp.jsonl", "mbpp/mbpp.jsonl", "full/test-*.parquet", "test-*.parquet")
SANITIZED_FILES = ("sanitized-mbpp.json", "mbpp/sanitized-mbpp.json", "sanitized/test-*.parquet", "test-*.parquet")

INSTRUCTION = (
    "{text}\n\nYour code must pass these tests, so use the same function name:\n\n```python\n{asserts}\n```\n\n"
    "Answer with Python code, including imports, in one code block."
)
CONTINUATION = '"""\n{text}\n{asserts}\n"""\n'


def read_full(bench_data: Path | None) -> RawBenchmark:
    """The rows of the given file or folder, else of the Hugging Face Hub's Parquet file of the test split."""
    return _read(bench_data, FULL_FILES, "full", "mbpp.jsonl")


def read_sanitized(bench_data: Path | None) -> RawBenchmark:
    """As `read_full`, for the hand-checked subset."""
    return _read(bench_data, SANITIZED_FILES, "sanitized", "sanitized-mbpp.json")


def _read(bench_data: Path | None, names: tuple[str, ...], configuration: str, published: str) -> RawBenchmark:
    if bench_data is not None:
        path, rows = read_published(bench_data, names)
        return RawBenchmark(rows, str(path))
    fetched, place = fetched_file(f"mbpp-{configuration}", location_of(configuration), published, _URL)
    _, rows = read_published(fetched, ())
    return RawBenchmark(rows, f"{configuration} of {place}")


def location_of(configuration: str) -> HubForm:
    """Where the test split of a configuration is published."""
    return HubForm(REPOSITORY, REVISION, (f"{configuration}/test-*.parquet",))


def full_problem(row: Mapping[str, Any]) -> Problem | None:
    """A row of `mbpp.jsonl` as a record; None outside the test split."""
    return problem_of_any_split(row) if int(row["task_id"]) in TEST_IDS else None


def problem_of_any_split(row: Mapping[str, Any]) -> Problem:
    """A row of `mbpp.jsonl` as a record."""
    return _problem("mbpp", row, row["text"], row["test_setup_code"])


def sanitized_problem(row: Mapping[str, Any]) -> Problem | None:
    """A row of `sanitized-mbpp.json` as a record; None outside the test split."""
    if int(row["task_id"]) not in TEST_IDS:
        return None
    return _problem("mbpp-sanitized", row, row["prompt"], "\n".join(row["test_imports"]))


def _problem(bench: str, row: Mapping[str, Any], text: str, setup: str) -> Problem:
    if isinstance(row["test_list"], str):
        raise ValueError("test_list is a string, not a list")  # from a file without types, such as CSV
    description, assertions = unix_lines(text), tuple(map(unix_lines, row["test_list"]))
    text, setup, reference = description.strip(), unix_lines(setup), unix_lines(row["code"])
    asserts = "\n".join(line.strip() for line in assertions)
    names = names_used(reference, f"{setup}\n{asserts}")
    return Problem(
        task_id=f"MBPP/{row['task_id']}",
        bench=bench,
        prompt=CONTINUATION.format(text=text, asserts=asserts),
        instruction=INSTRUCTION.format(text=text, asserts=asserts),
        entry_point=names.entry_point,
        entry_points=names.used,
        setup=f"{setup}\n" if setup else "",
        tests=f"{asserts}\n",
        reference=reference,
        cpu_limit_s=CPU_LIMIT_S,
        description=description,
        assertions=assertions,
    )


_URL = "https://github.com/google-research/google-research/tree/master/mbpp"
_PAPER = "Austin et al. 2021, Program Synthesis with Large Language Models (arXiv:2108.07732)"

_INPROC = {"MBPP/367": "its tests pass instances of a class that the solution defines to the function"}

BENCHMARK = Benchmark(
    name="mbpp",
    size=500,
    cpu_limit_s=CPU_LIMIT_S,
    id_prefix="MBPP",
    url=_URL,
    licence="CC-BY-4.0",
    paper=_PAPER,
    files=FULL_FILES,
    folder="mbpp",
    read=read_full,
    comes_from="hub",
    problem=full_problem,
    protocols=PROTOCOLS,
    inproc=_INPROC,
    on_hub=HubTask(REPOSITORY, "full"),
    revision="revised in place upstream, so it has no fixed checksum",
)
SANITIZED = Benchmark(
    name="mbpp-sanitized",
    size=257,
    cpu_limit_s=CPU_LIMIT_S,
    id_prefix="MBPP",
    url=_URL,
    licence="CC-BY-4.0",
    paper=_PAPER,
    files=SANITIZED_FILES,
    folder="mbpp",
    read=read_sanitized,
    comes_from="hub",
    problem=sanitized_problem,
    protocols=PROTOCOLS,
    on_hub=HubTask(REPOSITORY, "sanitized"),
    revision="revised in place upstream, so it has no fixed checksum",
)
