"""`coma sample --bench validation` and `coma score` on a tiny random model, and on answers written by hand."""

import json
import shutil
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.jsonl import read_rows, sha256_of
from coma_cli.prompting import chat_template_of, encode_prompt
from coma_cli.records import CandidateRanking, Sample
from coma_cli.workspace import Artifact, Workspace
from tests.evaluation.measuring.rows import ROWS, write
from tests.evaluation.sampled import sample, sample_run
from tests.evaluation.score_command import Coma
from tests.requirements import package
from tests.support.command import run_coma
from tests.tiny_model import make_tiny_model


@pytest.fixture
def coma(tmp_path, capsys) -> Coma:
    return Coma(tmp_path, capsys)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    package("torch", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)


def sampled(coma: Coma, model: Path, tmp_path: Path, *words: str, rows=ROWS) -> Artifact:
    file = write(tmp_path / "validation.jsonl", rows)
    options = ["--bench", "validation", "--bench-data", str(file), "--model", str(model), "--max-new-tokens", "8"]
    assert run_coma(["sample", "-w", str(coma.workspace.root), *options, *words]) == 0
    artifact = coma.workspace.newest("sample")
    assert artifact is not None
    return artifact


def by_hand(coma: Coma, answers: dict[str, str]) -> None:
    """A finished sample run with these answers."""
    problems = [problem for one in ROWS if (problem := problem_of(one)) and problem.task_id in answers]
    rows = [sample(task_id, 0, text, 0.0) for task_id, text in answers.items()]
    sample_run(coma.workspace.root, rows, problems, bench="validation")


def results(summary) -> dict[tuple[str, str, str | None], float | None]:
    return {
        (one["task"], metric["metric"], one["language"]): metric["value"]
        for one in summary["results"]
        for metric in one["metrics"]
    }


def test_sampled_and_scored(coma, model, tmp_path):
    run = sampled(coma, model, tmp_path, "-n", "2", "--temperature", "0.8")
    rankings = [CandidateRanking.from_row(row, "r") for row in read_rows(run.file("rankings.jsonl"))]
    assert {row.task_id: len(row.log_probabilities) for row in rankings} == {"row-2": 2, "row-3": 3}
    assert all(value < 0 for row in rankings for value in row.log_probabilities)
    summary = coma()
    assert (summary["rows"], summary["samples"], summary["unranked"]) == (14, 28, 0)
    tasks = {one["task"] for one in summary["results"]}
    assert len(tasks) == 10
    for one in summary["results"]:
        for metric in one["metrics"]:
            low, high = metric["ci95"]
            assert 0 <= low <= metric["value"] <= high <= 1
    measured = list(read_rows(coma.workspace.newest("score").file("measurements.jsonl")))
    assert len(measured) == 28


def test_a_base_without_a_template_is_asked_as_its_tuned_model_will_be(coma, model, tmp_path):
    plain = shutil.copytree(model, tmp_path / "plain")
    for file in plain.glob("chat_template*"):
        file.unlink()
    config = json.loads((plain / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (plain / "tokenizer_config.json").write_text(json.dumps(config))
    run = sampled(coma, plain, tmp_path, rows=ROWS[3:5])
    summary = json.loads((run.path / "summary.json").read_text())
    assert (summary["template"], summary["prompt_form"]) == ("alpaca", "instruction")


def test_the_prompt_is_that_of_training(coma, model, tmp_path):
    from transformers import AutoTokenizer

    run = sampled(coma, model, tmp_path, rows=ROWS[3:4])
    tokenizer = AutoTokenizer.from_pretrained(model)
    wanted = encode_prompt(chat_template_of(tokenizer), tokenizer, ROWS[3]["instruction"], ROWS[3]["input"])
    (row,) = (Sample.from_row(one, "s") for one in read_rows(run.file("samples.jsonl")))
    assert row.prompt_sha256 == sha256_of(wanted)


def test_a_ranking_that_is_there_is_not_made_again(coma, model, tmp_path):
    first = sampled(coma, model, tmp_path, "--limit", "3", rows=ROWS)
    before = first.file("rankings.jsonl").read_bytes()
    again = sampled(coma, model, tmp_path, "-n", "2", "--limit", "3", rows=ROWS)
    assert again.path == first.path
    assert again.file("rankings.jsonl").read_bytes() == before


def test_answers_by_hand(coma):
    by_hand(
        coma,
        {
            "row-1": "Yes.",
            "row-4": "return b",
            "row-5": "```python\ndef f(a):\n    b = a + 1\n    return b\n```",
            "row-7": "Returns its argument.",
            "row-11": "hard to say",
        },
    )
    found = results(coma())
    assert found["clone-detection", "f1", None] == 1
    assert found["line-completion", "edit-similarity", None] == 1
    assert found["code-repair", "exact-match", None] == 1
    assert found["code-repair", "codebleu", None] == pytest.approx(1)
    assert found["code-summarization", "chrf", None] == pytest.approx(1)
    assert found["defect-detection", "accuracy", None] == 0


def test_rows_with_tests_get_pass_at_1_too(coma):
    by_hand(coma, {"row-9": "def add(a, b):\n    return b + a", "row-10": "def sub(a, b):\n    return a - b"})
    summary = coma()
    assert summary["tested"]["rows"] == 1
    assert summary["tested"]["pass_at_k"]["1"]["value"] == 1
    assert summary["tested"]["verdicts"]["pass"] == 1
    assert results(summary)["code-generation", "exact-match", None] == 0.5


def test_without_rankings_there_is_no_mrr_and_it_is_said(coma, capsys):
    by_hand(coma, {"row-3": "a + b"})
    summary = coma()
    assert results(summary) == {("code-search", "accuracy", None): 1.0, ("code-search", "mrr", None): None}
    assert summary["unranked"] == 1
    assert run_coma(["score", "-w", str(coma.workspace.root)]) == 0
    said = capsys.readouterr().out
    assert "MRR is without 1 search row" in said
    assert "code-search" in said


def test_rows_of_ones_own_are_measured_by_the_metric_that_they_name(coma):
    own = {"task_id": "sql/1", "prompt": "Select.", "reference": "SELECT  name FROM t", "metric": "exact-match"}
    other = {**own, "task_id": "sql/2", "metric": "chrf"}
    rows = [sample("sql/1", 0, "SELECT name\nFROM t", 0.0), sample("sql/2", 0, "SELECT name FROM t", 0.0)]
    sample_run(coma.workspace.root, rows, [problem_of(own), problem_of(other)], bench="validation")
    found = results(coma())
    assert found == {("own rows", "exact-match", None): 1.0, ("own rows", "chrf", None): pytest.approx(1)}


def test_a_rerun_gives_the_same_figures(coma):
    by_hand(coma, {"row-4": "return b", "row-7": "Returns it.", "row-8": "返回参数。"})
    first = coma()
    assert coma("--force") == first


def test_pass_at_k_thresholds_do_not_fit(coma):
    by_hand(coma, {"row-4": "return b"})
    assert "task metrics" in coma("--fail-under", "pass@1=0.5", code=2)


def test_a_failed_sample_is_a_wrong_answer(coma):
    problem = problem_of(ROWS[3])
    failed = sample(problem.task_id, 0, "", 0.0, finish_reason="error", error="too long")
    sample_run(coma.workspace.root, [failed], [problem], bench="validation")
    assert set(results(coma()).values()) == {0.0}


def test_a_file_without_a_known_task_stops_before_the_model_is_loaded(coma, tmp_path, capsys):
    package("torch", "train")
    file = write(tmp_path / "x.jsonl", [{"instruction": "a", "output": "b"}])
    words = ["--bench", "validation", "--bench-data", str(file), "--model", "smollm2-135m"]
    assert run_coma(["sample", "-w", str(Workspace(tmp_path / "w").root), *words]) == 3
    assert "no row of a known task" in capsys.readouterr().err
