"""A file of instructions: which files are one, what becomes of a row, and that such samples are never scored."""

import json
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, PROMPTS, SAMPLED
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.scoring.sample_choice import choose_samples
from tests.chat_server import serving
from tests.evaluation.sampler import Sampler, rows_of

ROWS = [
    {"instruction": "Reverse a list.", "input": "[1, 2]", "output": ""},
    {"id": "mine", "instruction": "Add two numbers."},
]


def write(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_become_problems(tmp_path):
    loaded = SAMPLED[PROMPTS].load(write(tmp_path / "rows.jsonl", ROWS))
    first, second = loaded.problems
    assert (first.instruction, second.task_id) == ("Reverse a list.\n\n[1, 2]", "mine")
    assert len(first.task_id) == 20
    for bad in ({"instruction": 3}, {"instruction": " "}, {"text": "x"}):
        with pytest.raises(MissingInputError, match="prompts"):
            SAMPLED[PROMPTS].load(write(tmp_path / "bad.jsonl", [*ROWS, bad]))


def test_nothing_is_decontaminated_against_them():
    assert PROMPTS not in BENCHMARKS


def test_they_are_sampled_and_score_says_why_it_does_not(tmp_path):
    with serving() as server:
        sampler = Sampler(tmp_path / "w", model="m", n=2, temperature=0.5, runtime__base_url=server.base_url)
        artifact = sampler(bench_data=str(write(tmp_path / "rows.jsonl", ROWS)))
        assert server.log.calls == 4
    assert {row.task_id for row in rows_of(artifact)} >= {"mine"}
    assert artifact.summary["bench"] == PROMPTS
    for samples, bench in (([], None), ([artifact.name], None), ([], PROMPTS)):
        with pytest.raises(UsageError, match="without tests or answers, so there is nothing to score"):
            choose_samples(sampler.workspace, bench, samples, None)
