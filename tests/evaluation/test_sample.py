"""`coma sample` on a tiny random model: the same rows wherever it stops, whatever was requested first."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import read_json, read_rows, write_json
from coma_cli.prompting import ALPACA, CAPYBARA
from coma_cli.records import Problem, row_seed
from coma_cli.workspace import Artifact, Workspace
from tests.chat_server import Fail, serving
from tests.evaluation.sampler import Sampler, rows_of
from tests.requirements import package
from tests.tiny_model import make_tiny_model
from tests.warm_coma import WarmProcess


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    package("torch", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)


@pytest.fixture
def sampler(tmp_path, model) -> Sampler:
    common = {"model": str(model), "limit": 3, "n": 4, "temperature": 0.8, "max_new_tokens": 10}
    return Sampler(tmp_path / "workspace", runtime__batch_size=5, deterministic=True, **common)


@pytest.fixture
def other(tmp_path, sampler) -> Sampler:
    """The same work in a workspace of its own, to compare with."""
    return Sampler(tmp_path / "other", **sampler.common)


def interrupt(artifact: Artifact, keep: set[int], torn: bytes = b"") -> None:
    """Leave the run as a kill does: no manifest, some of the rows, the last line perhaps half."""
    (artifact.path / "manifest.json").unlink()
    path = artifact.path / "samples.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for number, line in enumerate(lines) if number in keep) + torn)


def test_what_it_leaves(sampler):
    artifact = sampler()
    rows = rows_of(artifact)
    assert [row.key for row in rows] == [f"HumanEval/{p}|0.8|{i}" for p in range(3) for i in range(4)]
    assert len({row.completion for row in rows}) == 12
    assert all(row.seed == row_seed(0, row.key) for row in rows)
    assert all(0 < row.completion_tokens <= 10 and row.log_probability < 0 for row in rows)
    assert len({row.prompt_sha256 for row in rows}) == 3
    problems = [Problem.from_row(row, "problems") for row in read_rows(artifact.file("problems.jsonl"))]
    assert [problem.task_id for problem in problems] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]
    summary = artifact.summary
    assert (summary["samples"], summary["problems"], summary["n"]) == (12, 3, 4)
    assert sum(summary["finish_reasons"].values()) == 12
    assert summary["completion_tokens"] == sum(row.completion_tokens for row in rows)
    assert artifact.manifest["work"] == {"unit": "samples", "done_since_start": 12, "total": 12}


def test_again_from_nothing_gives_the_same(sampler, other):
    assert sampler().content_sha256 == other().content_sha256


@pytest.mark.parametrize("seed", range(4))
def test_any_rows_that_a_kill_leaves_are_completed_to_the_same(sampler, seed):
    whole = sampler()
    chance = random.Random(seed)
    kept = {number for number in range(12) if chance.random() < 0.6}
    interrupt(whole, kept, torn=b'{"schema_version": 1, "task_id": "HumanEv')
    resumed = sampler()
    assert resumed.content_sha256 == whole.content_sha256
    assert resumed.manifest["work"]["done_since_start"] <= 12


def test_only_missing_rows_are_computed(sampler):
    whole = sampler()
    interrupt(whole, {0, 1, 2, 3, 5, 6, 8, 9, 10, 11})
    resumed = sampler()
    assert resumed.content_sha256 == whole.content_sha256
    assert resumed.manifest["work"]["done_since_start"] == 2
    assert resumed.summary["samples_this_start"] == 2
    assert resumed.summary["samples"] == 12


def test_a_corrupt_line_is_made_again(sampler):
    whole = sampler()
    (whole.path / "manifest.json").unlink()
    path = whole.path / "samples.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b"{broken}\n"
    path.write_bytes(b"".join(lines))
    resumed = sampler()
    assert resumed.content_sha256 == whole.content_sha256
    assert len(resumed.manifest["corrupt_lines"]) >= 1


def test_raising_n_keeps_the_rows_and_adds(sampler):
    first = sampler(n=2)
    before = rows_of(first)
    second = sampler(n=5)
    assert second.path == first.path
    after = {row.key: row for row in rows_of(second)}
    assert len(after) == 15
    assert all(after[row.key] == row for row in before)
    assert second.manifest["work"]["done_since_start"] == 9


def test_raising_n_is_the_same_whether_the_first_run_was_killed_or_not(sampler, other):
    sampler(n=2)
    whole = sampler(n=5)
    interrupt(other(n=2), {0, 3})
    assert other(n=5).content_sha256 == whole.content_sha256
    interrupt(whole, {1, 2, 6, 7, 13})
    assert sampler(n=5).content_sha256 == whole.content_sha256


def test_raising_the_limit_keeps_the_rows_and_adds(sampler):
    before = rows_of(sampler(limit=2))
    second = sampler(limit=4)
    after = {row.key: row for row in rows_of(second)}
    assert all(after[row.key] == row for row in before)
    assert second.manifest["work"]["done_since_start"] == 8
    assert second.summary["problems"] == 4


def test_lowering_n_does_nothing_where_all_is_there_and_loses_nothing(sampler):
    whole = sampler(n=4)
    lowered = sampler(n=2)
    assert lowered.manifest["work"]["done_since_start"] == 0
    assert rows_of(lowered) == rows_of(whole)
    assert (lowered.summary["n"], lowered.summary["samples"]) == (2, 12)


def test_lowering_n_half_way_computes_only_what_is_still_wanted(sampler):
    interrupt(sampler(n=20, limit=1), {0})
    lowered = sampler(n=2, limit=1)
    assert lowered.manifest["work"]["done_since_start"] == 1
    assert {row.index for row in rows_of(lowered)} == {0, 1}


def test_rows_of_20_are_the_first_of_200(sampler, other):
    few = rows_of(sampler(n=20, limit=1))
    many = sampler(n=200, limit=1)
    assert many.manifest["work"]["done_since_start"] == 180
    at_once = other(n=200, limit=1, runtime__batch_size=64)
    assert many.content_sha256 == at_once.content_sha256
    assert few == rows_of(many)[:20]


def test_task_ids_by_name_or_number(sampler):
    rows = rows_of(sampler(task_ids=["HumanEval/7", "2"], n=1, limit=None))
    assert [row.task_id for row in rows] == ["HumanEval/2", "HumanEval/7"]
    with pytest.raises(UsageError, match="HumanEval/999"):
        sampler(task_ids=["HumanEval/999"])


def test_several_temperatures_and_greedy_once(sampler):
    rows = rows_of(sampler(temperature="0,0.5,1", n=2, limit=1))
    assert sorted((row.temperature, row.index) for row in rows) == [(0, 0), (0.5, 0), (0.5, 1), (1, 0), (1, 1)]
    assert any("Temperature 0" in note for note in sampler.plan(temperature="0,0.5", n=2).notes)


def test_seed_and_settings_make_other_runs(sampler):
    first, second = sampler(), sampler(seed=1)
    assert first.path != second.path
    assert {row.completion for row in rows_of(first)}.isdisjoint(row.completion for row in rows_of(second))
    assert sampler(top_p=0.5).path not in (first.path, second.path)


def test_another_batch_size_gives_the_same_run(sampler):
    whole = sampler()
    interrupt(whole, {0, 1, 7})
    resumed = sampler(runtime__batch_size=2)
    assert resumed.path == whole.path
    assert resumed.content_sha256 == whole.content_sha256


def test_prompts_without_room_are_error_rows_and_the_rest_is_made(sampler, tmp_path):
    probe = sampler.plan(limit=3)
    lengths = sorted(probe.prompt_tokens(problem.task_id) for problem in probe.problems)
    short = str(make_tiny_model(tmp_path / "short", layers=1, context=lengths[1] + 4))
    plan = sampler.plan(model=short)
    assert any("no room for 1 prompt " in note for note in plan.notes)
    artifact = sampler(model=short)
    rows = rows_of(artifact)
    failed = [row for row in rows if row.failed]
    assert len(rows) == 12
    assert len(failed) == 4
    assert all("leave no room" in row.error for row in failed)
    assert artifact.summary["samples"] == 8
    interrupt(artifact, {0, 5, 11})
    assert sampler(model=short).content_sha256 == artifact.content_sha256


def test_no_prompt_that_fits_is_an_obstacle(sampler, tmp_path):
    tiny = str(make_tiny_model(tmp_path / "short", layers=1, context=32))
    with pytest.raises(MissingInputError, match="context of 32"):
        sampler(model=tiny)


def test_the_plan_counts_and_estimates(sampler):
    plan = sampler.plan(n=7)
    assert plan.total == plan.estimate["rows"] == 21
    assert plan.estimate["max completion tokens"] == 210
    assert plan.estimate["prompt tokens"]["shortest"] <= plan.estimate["prompt tokens"]["longest"]
    assert plan.estimate["device"] == "cpu"
    assert any(note.startswith("Template: chat") for note in plan.notes)


def test_a_model_that_is_not_there(sampler):
    with pytest.raises(MissingInputError):
        sampler(model="/nowhere/at/all")
    with pytest.raises(UsageError, match="Did you mean smollm2-135m"):
        sampler(model="smollm2-13m")


def test_weights_that_are_missing_are_an_obstacle_of_the_plan(sampler, tmp_path):
    folder = make_tiny_model(tmp_path / "hollow", layers=1)
    (folder / "model.safetensors").unlink()
    plan = sampler.plan(model=str(folder))
    assert isinstance(plan.blockers[0], MissingInputError)


def test_the_template_stored_with_the_model_wins(sampler, tmp_path):
    folder = make_tiny_model(tmp_path / "tuned", layers=1)
    ALPACA.save(folder)
    artifact = sampler(model=str(folder), n=1)
    assert artifact.summary["template_sha256"] == ALPACA.sha256
    with pytest.raises(UsageError, match="tuned with the template alpaca"):
        sampler.plan(model=str(folder), template="capybara")
    allowed = sampler(model=str(folder), n=1, template="capybara", allow_template_mismatch=True)
    assert allowed.summary["template_sha256"] == CAPYBARA.sha256


def test_a_continuation_stops_at_the_benchmarks_texts(sampler):
    artifact = sampler(template="raw", n=6, max_new_tokens=60, temperature=2.0, stop=["a", "e"])
    rows = rows_of(artifact)
    assert artifact.summary["prompt_form"] == "continuation"
    assert {row.finish_reason for row in rows} >= {"stop"}
    assert not any(set("ae") & set(row.completion) for row in rows)


def test_a_chat_server_is_sampled_through_the_same_stage(tmp_path):
    with serving() as server:
        common = {"model": "served/chat", "limit": 2, "n": 3, "temperature": 0.8, "max_new_tokens": 50}
        sampler = Sampler(tmp_path / "workspace", runtime__base_url=server.base_url, **common)
        artifact = sampler()
        rows = rows_of(artifact)
        assert len(rows) == 6
        assert artifact.summary["engine"] == "openai"
        asked = server.log.calls
        assert asked == 6
        interrupt(artifact, {1, 4})
        assert sampler().content_sha256 == artifact.content_sha256
        assert server.log.calls == asked, "answers are kept, so nothing is asked twice"


def test_a_broken_line_among_the_answers_is_in_the_manifest_of_one_run(tmp_path):
    with serving() as server:
        sampler = Sampler(tmp_path / "w", model="m", limit=1, n=3, temperature=0.8, runtime__base_url=server.base_url)
        artifact = sampler()
        answers = sampler.workspace.answers_folder() / "answers.jsonl"
        lines = answers.read_bytes().splitlines(keepends=True)
        answers.write_bytes(b"".join([lines[0], b"{nonsense\n", *lines[2:]]))
        for number, expected in enumerate([1, 0]):
            interrupt(artifact, set())
            artifact = sampler()
            broken = [line for line in artifact.manifest["corrupt_lines"] if "answers.jsonl:2" in line]
            assert len(broken) == expected, f"start {number}"
        assert server.log.calls == 4


def test_a_server_needs_a_model_and_no_template(tmp_path):
    sampler = Sampler(tmp_path, runtime__base_url="http://localhost:9/v1", limit=1)
    with pytest.raises(UsageError, match="Which model"):
        sampler.plan()
    assert any("own template" in o.message for o in sampler.plan(model="m", template="alpaca").blockers)


def test_a_server_that_fails_leaves_the_run_open_and_is_asked_again(tmp_path):
    with serving(fails={2: Fail(status=500)}) as server:
        sampler = Sampler(
            tmp_path, model="m", limit=1, n=4, runtime__base_url=server.base_url, runtime__attempts=1,
            runtime__concurrency=1,
        )  # fmt: skip
        with pytest.raises(CliError, match="1 completion failed, 3 succeeded"):
            sampler()
        assert not sampler.workspace.finished("sample")
        artifact = sampler()
        assert server.log.calls == 5
        assert artifact.summary["samples"] == len(rows_of(artifact)) == 4
        assert artifact.manifest["work"]["done_since_start"] == 1


@pytest.mark.slow
def test_ctrl_c_exits_with_130_and_the_same_command_goes_on(model, tmp_path, warm_coma):
    def start(workspace: str) -> WarmProcess:
        arguments = ["sample", "--model", str(model), "--limit", "4", "-n", "8", "--temperature", "0.8"]
        arguments += ["--max-new-tokens", "60", "--batch-size", "4", "--deterministic", "-w", workspace]
        return warm_coma.start(arguments, tmp_path, tmp_path / f"{workspace}.log")

    process = start("cut")
    deadline = time.monotonic() + 120
    while not any(p.stat().st_size for p in (tmp_path / "cut").glob("sample/*/samples.jsonl")):
        assert process.poll() is None, process.log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130, process.log.read_text()
    assert "Traceback" not in process.log.read_text()
    assert not Workspace(tmp_path / "cut").finished("sample")
    for workspace in ("cut", "whole"):
        again = start(workspace)
        assert again.wait(120) == 0, again.log.read_text()
    cut, whole = (read_json(next((tmp_path / w).glob("sample/*/manifest.json"))) for w in ("cut", "whole"))
    assert cut["content_sha256"] == whole["content_sha256"]
    assert cut["work"]["done_since_start"] < whole["work"]["done_since_start"] == 32


@pytest.fixture
def adapter(model, tmp_path) -> Path:
    """A LoRA adapter of the tiny model that changes what it says a lot, as peft writes it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model)
    torch.manual_seed(3)
    config = LoraConfig(
        r=8, lora_alpha=800, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    folder = tmp_path / "lora"
    get_peft_model(base, config).save_pretrained(folder)
    return folder


def test_an_adapter_is_sampled_without_merging(sampler, adapter, model, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    merged = tmp_path / "merged"
    with_adapter = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), adapter)
    with_adapter.merge_and_unload().save_pretrained(merged)
    AutoTokenizer.from_pretrained(model).save_pretrained(merged)
    common = {"max_new_tokens": 20, "dtype": "float32"}
    beside, whole, base = (sampler(model=str(name), **common) for name in (adapter, merged, model))
    said = [[row.completion for row in rows_of(artifact)] for artifact in (beside, whole, base)]
    assert said[0] == said[1]
    assert said[0] != said[2]
    assert beside.summary["engine_path"] == "a continuous batch"
    assert any("not merged" in note for note in sampler.plan(model=str(adapter)).notes)


def test_another_adapter_is_another_run(sampler, adapter):
    first = sampler(model=str(adapter))
    config = read_json(adapter / "adapter_config.json")
    write_json(adapter / "adapter_config.json", {**config, "lora_alpha": 99})
    assert sampler(model=str(adapter)).path != first.path


def test_pickled_adapters_need_the_flag(sampler, adapter):
    import torch
    from safetensors.torch import load_file

    weights = adapter / "adapter_model.safetensors"
    as_it_was = rows_of(sampler(model=str(adapter), name="one"))
    torch.save(load_file(weights), adapter / "adapter_model.bin")
    weights.unlink()
    with pytest.raises(MissingInputError, match=r"lacks adapter_model\.safetensors"):
        sampler(model=str(adapter))
    pickled = sampler(model=str(adapter), name="two", runtime__allow_pickle=True)
    assert [row.completion for row in rows_of(pickled)] == [row.completion for row in as_it_was]


def test_an_adapter_without_its_base(sampler, adapter):
    config = read_json(adapter / "adapter_config.json")
    write_json(adapter / "adapter_config.json", {**config, "base_model_name_or_path": ""})
    with pytest.raises(UsageError, match="does not name the base"):
        sampler(model=str(adapter))


def test_the_dtype_of_the_first_start_is_kept(sampler, monkeypatch):
    import torch

    from coma_cli.models import loading

    monkeypatch.setattr(loading, "fastest_dtype", lambda: torch.bfloat16)
    whole = sampler(dtype="auto")
    assert whole.summary["dtype"] == "bfloat16"
    interrupt(whole, {0, 3, 8})
    monkeypatch.setattr(loading, "fastest_dtype", lambda: torch.float32)
    resumed = sampler(dtype="auto")
    assert resumed.summary["dtype"] == "bfloat16"
    assert resumed.content_sha256 == whole.content_sha256


def test_the_threads_of_the_first_start_are_kept_where_they_decide_bits(sampler):
    import torch

    threads = torch.get_num_threads()
    whole = sampler()
    assert read_json(whole.path / "engine.json")["threads"] == threads
    interrupt(whole, {1, 3})
    try:
        torch.set_num_threads(threads + 1)
        assert sampler().content_sha256 == whole.content_sha256
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(threads)
    assert read_json(sampler(deterministic=False).path / "engine.json")["threads"] is None


def test_8_bits_are_another_run_and_resume_to_the_same(sampler):
    whole, rounded = (sampler(temperature=0, dtype="float32", quantize=kind) for kind in ("none", "int8"))
    assert whole.path != rounded.path
    assert rounded.summary["quantize"] == "int8"
    interrupt(rounded, {1})
    assert sampler(temperature=0, dtype="float32", quantize="int8").content_sha256 == rounded.content_sha256


def test_what_cannot_be_deterministic_is_refused(sampler, tmp_path):
    (blocker,) = sampler.plan(quantize="nf4").blockers
    assert "more rows" in blocker.message
    remote = Sampler(tmp_path, runtime__base_url="http://localhost:9/v1", limit=1, model="m")
    assert any("same bits" in o.message for o in remote.plan(deterministic=True).blockers)
    assert any("decided by the server" in o.message for o in remote.plan(quantize="int8").blockers)


def test_with_vllm_a_resumed_run_has_the_rows_of_an_uninterrupted_one(tmp_path):
    package("vllm")
    model = make_tiny_model(tmp_path / "model", layers=1, hidden=128)  # vLLM has heads of 32 up
    common = {"model": str(model), "limit": 3, "n": 4, "temperature": 0.8, "max_new_tokens": 10, "engine": "vllm"}
    sampler = Sampler(tmp_path / "workspace", engine_args={"enforce_eager": "true"}, dtype="float32", **common)
    whole = sampler()
    assert any(note.startswith("Engine: vllm") for note in sampler.plan().notes)
    versions = whole.manifest["engine"]["versions"]
    assert versions["vllm"] and versions["model runner"] in ("V1", "V2")
    assert whole.summary["engine_args"] == {"enforce_eager": True}
    before = {row.key: row.completion for row in rows_of(whole)}
    assert len(before) == len(set(before.values())) == 12
    interrupt(whole, {0, 3, 7}, torn=b'{"schema_version": 1, "task_id": "HumanEv')
    resumed = sampler()
    assert resumed.manifest["work"]["done_since_start"] == 9
    assert {row.key: row.completion for row in rows_of(resumed)} == before
