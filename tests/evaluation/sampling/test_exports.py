"""Samples in the forms of other tools: fields, order, temperatures, and programs that pass their tests."""

import json

import pytest

from coma_cli.evaluation.sampling.exports import write_exports
from coma_cli.jsonl import read_rows
from coma_cli.records import Problem, Sample
from tests.chat_server import serving
from tests.evaluation.sampler import Sampler

PROMPT = 'def add(a, b):\n    """Add two numbers."""\n'
ANSWER = "Sure:\n```python\ndef add(a, b):\n    return a + b\n```\n"


def problem(number: int, bench: str = "HumanEval") -> Problem:
    return Problem(
        task_id=f"{bench}/{number}", bench=bench.lower(), prompt=PROMPT, prompt_code=PROMPT, instruction="-",
        entry_point="add", entry_points=("add",), tests="-", reference="-", cpu_limit_s=1.0,
    )  # fmt: skip


def sample(number: int, index: int, completion: str, temperature: float = 0.2, **fields) -> Sample:
    values = {"finish_reason": "eos", **fields}
    return Sample(task_id=f"HumanEval/{number}", temperature=temperature, index=index, completion=completion, **values)


PROBLEMS = [problem(2), problem(10), problem(11)]
ROWS = [
    sample(10, 1, "    return a + b\n"),
    sample(10, 0, "    return b + a\n"),
    sample(2, 0, "    return a - b\n"),
    sample(2, 1, "", finish_reason="error", error="no room"),
]


def passes(program: str) -> bool:
    space: dict = {}
    exec(program, space)  # programs of this file
    return space["add"](1, 2) == 3


def test_the_form_of_human_eval_keeps_completions_as_drawn(tmp_path):
    (path,) = write_exports(tmp_path, ["human-eval"], PROBLEMS, ROWS, whole=False)
    rows = list(read_rows(path))
    assert path.name == "human-eval.jsonl" and all(row.keys() == {"task_id", "completion"} for row in rows)
    assert [row["task_id"] for row in rows] == ["HumanEval/2"] * 2 + ["HumanEval/10"] * 2
    assert [row["completion"] for row in rows] == [ROWS[2].completion, "", ROWS[1].completion, ROWS[0].completion]
    assert [passes(PROMPT + row["completion"]) for row in rows[2:]] == [True, True]


def test_answers_run_behind_the_prompt_too(tmp_path):
    (path,) = write_exports(tmp_path, ["human-eval"], PROBLEMS, [sample(2, 0, ANSWER)], whole=True)
    (row,) = read_rows(path)
    assert passes(PROMPT + row["completion"]) and "Sure" not in row["completion"]


def test_the_form_of_evalplus_holds_whole_programs(tmp_path):
    (path,) = write_exports(tmp_path, ["evalplus"], PROBLEMS, ROWS, whole=False)
    rows = list(read_rows(path))
    assert all(row.keys() == {"task_id", "solution"} for row in rows)
    assert [passes(row["solution"]) for row in rows if row["solution"]] == [False, True, True]
    mbpp = problem(3, "MBPP")
    given = Sample(task_id="MBPP/3", temperature=0.2, index=0, completion=ANSWER, finish_reason="eos")
    (path,) = write_exports(tmp_path, ["evalplus"], [mbpp], [given], whole=True)
    assert next(iter(read_rows(path)))["task_id"] == "Mbpp/3"


def test_the_form_of_bigcode_is_one_list_per_problem(tmp_path):
    (path,) = write_exports(tmp_path, ["bigcode"], PROBLEMS, ROWS, whole=False)
    generations = json.loads(path.read_text())
    assert path.name == "bigcode.json" and [len(of) for of in generations] == [2, 2]
    assert [passes(program) for program in generations[1]] == [True, True]


def test_each_temperature_has_its_files(tmp_path):
    rows = [*ROWS, sample(2, 0, "    return a + b\n", temperature=0.8)]
    paths = write_exports(tmp_path, ["human-eval", "bigcode"], PROBLEMS, rows, whole=False)
    assert [path.name for path in paths] == [
        "human-eval-T0.2.jsonl", "bigcode-T0.2.json", "human-eval-T0.8.jsonl", "bigcode-T0.8.json",
    ]  # fmt: skip
    assert len(json.loads(paths[3].read_text())) == 1


@pytest.mark.parametrize("forms", ["human-eval,evalplus,bigcode", ["evalplus"]])
def test_sample_writes_them_beside_its_rows_and_on_a_rerun(tmp_path, forms):
    forms = forms.split(",") if isinstance(forms, str) else forms
    with serving(answer=lambda body: ANSWER) as server:
        sampler = Sampler(tmp_path / "w", model="m", limit=2, n=1, runtime__base_url=server.base_url)
        plain = sampler()
        exported = sampler(export=forms)
        assert server.log.calls == 2
    assert exported.path == plain.path and exported.content_sha256 == plain.content_sha256
    assert {path.stem for path in (exported.path / "exports").iterdir()} == set(forms)
