"""Recognizes a file of instructions without answers, which is sampled without the name of a benchmark."""

from pathlib import Path

from coma_cli.errors import CliError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows

# Fields that a row has if its answer is known, or if it is a benchmark's.
_ANSWERS = ("output", "response", "completion", "tests", "test", "test_list", "io", "reference", "task_id")


def holds_prompts(path: Path) -> bool:
    """Whether the first row of a file is an instruction without an answer; False for what can't be read."""
    if not path.is_file():
        return False
    try:
        _, row = next(iter(whole_rows(one_file(path))))
    except (CliError, OSError, ValueError, StopIteration):
        return False  # the reader of the benchmark names the reason
    return isinstance(row.get("instruction"), str) and not any(row.get(name) for name in _ANSWERS)
