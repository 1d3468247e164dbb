"""Which files are instructions without answers."""

import json
from pathlib import Path

import pytest

from coma_cli.evaluation.sampling.instruction_files import holds_prompts


def write(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "Reverse a list.", "input": "[1, 2]", "output": ""}, True),
        ({"id": "mine", "instruction": "Add two numbers."}, True),
        ({"instruction": "Add.", "output": "a + b"}, False),
        ({"instruction": "Add.", "task_id": "HumanEval/0"}, False),
        ({"prompt": "def f():", "task_id": "HumanEval/0"}, False),
    ],
)
def test_instructions_without_answers_are_recognized(tmp_path, row, expected):
    assert holds_prompts(write(tmp_path / "rows.jsonl", [row])) is expected


def test_what_is_no_such_file_is_left_to_its_benchmark(tmp_path):
    (tmp_path / "broken.jsonl").write_text("{")
    (tmp_path / "empty.jsonl").write_text("")
    assert not any(holds_prompts(tmp_path / name) for name in ("broken.jsonl", "empty.jsonl", "gone.jsonl", "."))
