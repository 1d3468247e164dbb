import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.scoring.sample_choice import benchmark_only, choose_samples
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.workspace import Input, Workspace
from tests.evaluation.sampled import HUMANEVAL, sample, sample_run
from tests.support.files import write_lines

ROWS = [sample("HumanEval/0", 0, "x")]


def choose(root, bench=None, samples=(), bench_data=None):
    return choose_samples(Workspace(root), bench, samples, bench_data)


def test_the_newest_run_of_the_benchmark_is_taken(workspace_root):
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="old", model="m")
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="new", model="m", top_p=0.5)
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="other", model="x", bench="mbpp")
    source = choose(workspace_root, "humaneval")
    assert source.title == "new" and source.run and source.bench_size == 164
    assert [c.key for c in source.candidates(Skipped())] == ["HumanEval/0|0.2|0"]
    assert [i.name for i in source.inputs] == ["sample"]
    assert choose(workspace_root).bench == "mbpp"


MERGES = [Input("merge-lora", f"w/merge-lora/{name}", name) for name in ("first", "second")]


def test_two_models_on_one_benchmark_must_be_told_apart(workspace_root):
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="base", model="smollm2-135m")
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="tuned", made_from=MERGES[0])
    with pytest.raises(UsageError, match="Several models were sampled on humaneval") as caught:
        choose(workspace_root, "humaneval")
    assert "base: model smollm2-135m" in caught.value.message
    assert "tuned: model w/merge-lora/first" in caught.value.message
    assert caught.value.hint == "--samples tuned"
    assert choose(workspace_root, samples=["base"]).title == "base"


def test_the_newest_merge_of_then_and_of_now_are_two_models(workspace_root):
    for name, merge in zip(("then", "now"), MERGES, strict=True):
        sample_run(workspace_root, ROWS, HUMANEVAL[:1], name=name, made_from=merge)
    with pytest.raises(UsageError, match="w/merge-lora/first") as caught:
        choose(workspace_root, "humaneval")
    assert "now: model w/merge-lora/second" in caught.value.message


def test_one_model_named_in_two_ways_is_one(workspace_root):
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="old", model="./m", made_from=Input("model", "./m", "1"))
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="new", model="/m", made_from=Input("model", "/m", "1"))
    assert choose(workspace_root, "humaneval").title == "new"


def test_a_run_is_named_by_name_folder_or_file(workspace_root, tmp_path):
    artifact = sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="mine")
    for name in ("mine", str(artifact.path), str(artifact.path / "samples.jsonl")):
        assert choose(workspace_root, samples=[name]).title == "mine"
    with pytest.raises(UsageError, match="are of humaneval, not of mbpp"):
        choose(workspace_root, "mbpp", ["mine"])
    with pytest.raises(UsageError, match="one sample run"):
        choose(workspace_root, samples=["mine", "mine"])
    elsewhere = write_lines(tmp_path / "s.jsonl", [{"task_id": 0, "completion": "x"}])
    with pytest.raises(UsageError, match="one sample run"):
        choose(workspace_root, "humaneval", samples=[str(elsewhere), "mine"])
    with pytest.raises(MissingInputError, match="Did you mean mine"):
        choose(workspace_root, samples=["mime"])


def test_unfinished_and_absent_runs_are_missing_inputs(workspace_root):
    with pytest.raises(MissingInputError, match="No finished sample run"):
        choose(workspace_root)
    artifact = sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="torn")
    (artifact.path / "manifest.json").unlink()
    with pytest.raises(MissingInputError, match="1 unfinished: torn"):
        choose(workspace_root)
    with pytest.raises(MissingInputError, match="unfinished run of coma sample"):
        choose(workspace_root, samples=[str(artifact.path)])
    sample_run(workspace_root, ROWS, HUMANEVAL[:1], name="other", bench="mbpp")
    with pytest.raises(MissingInputError, match="No finished sample run of humaneval"):
        choose(workspace_root, "humaneval")


def test_the_command_that_is_missing_is_named_with_its_benchmark(workspace_root):
    with pytest.raises(MissingInputError) as caught:
        choose(workspace_root, "mbpp")
    assert caught.value.hint == "coma sample --bench mbpp"


def test_files_need_the_benchmarks_name(workspace_root, tmp_path):
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": 0, "completion": "x"}])
    with pytest.raises(UsageError, match="need the benchmark's name"):
        choose(workspace_root, samples=[str(path)])
    source = choose(workspace_root, "humaneval", [str(path)])
    assert not source.run and len(source.problems) == 164
    assert [i.name for i in source.inputs] == ["benchmark", "samples 1"]


def test_unknown_benchmarks_are_refused_with_the_nearest(workspace_root):
    with pytest.raises(UsageError, match="Did you mean humaneval"):
        choose(workspace_root, "human-eval")
    with pytest.raises(UsageError, match="Which benchmark"):
        benchmark_only(None, None)
