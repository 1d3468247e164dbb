"""finetune on a tiny real model: every mode, resumed runs, more steps, other lengths, and what can go wrong."""

import errno
import re
import shutil
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import read_json, read_rows, write_rows
from coma_cli.models import visible_device
from coma_cli.pipeline import row_of
from coma_cli.training import finetune
from coma_cli.workspace import fingerprint
from tests.requirements import package
from tests.support.command import coma
from tests.training.bench import ROWS, Bench, raising

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
PROBLEM = BENCHMARKS["humaneval"].load().problems[4]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    write_rows(path, ROWS)
    return path


@pytest.fixture
def bench(tmp_path, tiny_model, data) -> Bench:
    return Bench(tmp_path / "ws", tiny_model, data)


@pytest.mark.slow
def test_an_adapter_is_left_with_all_that_is_needed_to_use_it(bench, tiny_model, capfd):
    manifest = bench(runtime__logging_steps=4)
    adapter = bench.folder() / "adapter"
    assert {p.name for p in adapter.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "coma_base.json",
        "coma_template.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert set(manifest["outputs"]) == {"adapter", "metrics.jsonl", "dropped.jsonl"}
    assert manifest["work"] == {"unit": "steps", "done_since_start": 6, "total": 6}
    config = read_json(adapter / "adapter_config.json")
    assert config["target_modules"] == sorted(config["target_modules"])
    losses = bench.losses()
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert (bench.folder() / "loss.png").read_bytes().startswith(b"\x89PNG")
    shown = re.findall(r"Training: (\d)/6, loss ([\d.]+), [\d,]+ tokens/s, .*/s, .* left\n", capfd.readouterr().err)
    assert shown == [(str(step), f"{losses[step - 1]:.4f}") for step in (4, 6)]


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_bytes_and_makes_only_the_missing_steps(bench):
    whole = bench(name="whole")
    for kill_after in (1, 3, 5, 6):
        name = f"killed-{kill_after}"
        with pytest.raises(KeyboardInterrupt):
            bench(name=name, kill_after=kill_after)
        resumed = bench(name=name)
        assert resumed["content_sha256"] != "" and resumed["outputs"]["adapter"] == whole["outputs"]["adapter"]
        assert resumed["content_sha256"] == whole["content_sha256"]
        assert resumed["work"]["done_since_start"] <= 6 - kill_after + 2


@pytest.mark.slow
def test_killed_three_times_with_dropout_and_accumulation_and_warm_up(bench):
    changes = {"lora__dropout": 0.3, "batch__size": 3, "batch__accumulation": 2, "optimizer__warmup_steps": 4}
    whole = bench(name="whole", **changes)
    for kill_after in (1, 3, 2):
        with pytest.raises(KeyboardInterrupt):
            bench(name="killed", kill_after=kill_after, **changes)
    assert bench(name="killed", **changes)["content_sha256"] == whole["content_sha256"]


@pytest.mark.slow
def test_a_half_written_checkpoint_is_not_taken(bench):
    whole = bench(name="whole")
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", kill_after=5)
    scratch = bench.folder("killed") / ".checkpoints"
    (whole_one,) = scratch.iterdir()
    assert whole_one.name == "checkpoint-4"
    half = scratch / "checkpoint-6"
    shutil.copytree(whole_one, half)
    (half / "complete.json").unlink()
    (half / "optimizer.pt").write_bytes(b"torn")
    assert bench(name="killed")["content_sha256"] == whole["content_sha256"]


@pytest.mark.slow
def test_more_steps_continue_the_run_and_end_where_a_longer_run_ends(bench):
    longer = bench(name="longer", max_steps=9)
    first = bench(max_steps=6)
    more = bench(max_steps=9)
    assert more["work"]["done_since_start"] == 3
    assert more["content_sha256"] == longer["content_sha256"] != first["content_sha256"]


@pytest.mark.slow
def test_a_longer_run_is_never_shortened(bench):
    """It stays finished, with all its files, and what was requested for it last."""
    longer = bench(max_steps=6)
    files = {p: p.read_bytes() for p in bench.folder().rglob("*") if p.is_file()}
    with pytest.raises(UsageError, match="has made 6 steps already, more than the 2 requested") as caught:
        bench(max_steps=2)
    assert "--name" in caught.value.hint
    assert {p: p.read_bytes() for p in bench.folder().rglob("*") if p.is_file()} == files
    assert bench.workspace.require_newest("finetune").content_sha256 == longer["content_sha256"]
    assert bench(max_steps=6)["work"]["done_since_start"] == 0
    assert bench(max_steps=2, name="other")["work"]["total"] == 2
    assert bench(max_steps=2, force=True)["work"]["total"] == 2


def test_steps_of_a_killed_run_are_not_discarded_either(bench):
    with pytest.raises(KeyboardInterrupt):
        bench(kill_after=5)
    with pytest.raises(UsageError, match="more than the 2 requested"):
        bench(max_steps=2)
    assert bench()["work"]["done_since_start"] == 2


def test_a_finished_run_is_not_made_again_and_other_settings_are_another_run(bench):
    bench()
    assert bench()["work"]["done_since_start"] == 0
    with pytest.raises(UsageError, match="lora was"):
        bench(lora__r=2)
    assert bench(lora__r=2, name="other")["settings"]["lora"]["r"] == 2


@pytest.mark.slow
def test_splitting_a_step_into_batches_changes_nothing_but_rounding(bench):
    for name, size, accumulation in (("8x1", 8, 1), ("4x2", 4, 2), ("1x8", 1, 8)):
        bench(name=name, batch__size=size, batch__accumulation=accumulation, max_steps=3, lora__dropout=0)
    assert bench.losses("4x2") == pytest.approx(bench.losses("8x1"), rel=1e-4)
    assert bench.losses("1x8") == pytest.approx(bench.losses("8x1"), rel=1e-4)


def test_the_first_loss_is_the_mean_over_answer_tokens_computed_by_hand(bench, tiny_model):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from coma_cli.prompting import chat_template_of, encode_answer, encode_prompt

    bench(batch__size=20, max_steps=1, lora__dropout=0)
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)
    template = chat_template_of(tokenizer)
    total, tokens = 0.0, 0
    for row in ROWS:
        prompt = encode_prompt(template, tokenizer, row["instruction"])
        answer = encode_answer(template, tokenizer, row["output"])
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum"))
        tokens += len(answer)
    assert bench.losses()[0] == pytest.approx(total / tokens, rel=1e-5)


def test_full_tuning_leaves_a_plain_model_that_loads_and_resumes_exactly(bench):
    from transformers import AutoModelForCausalLM

    whole = bench(name="whole", mode="full", optimizer__learning_rate=1e-3)
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", kill_after=3, mode="full", optimizer__learning_rate=1e-3)
    assert bench(name="killed", mode="full", optimizer__learning_rate=1e-3)["content_sha256"] == whole["content_sha256"]
    model, report = AutoModelForCausalLM.from_pretrained(bench.folder("whole") / "model", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert (bench.folder("whole") / "model" / "coma_template.json").is_file()
    assert bench.losses("whole")[-1] < bench.losses("whole")[0]


@pytest.mark.slow
def test_qlora_trains_on_four_bits_and_resumes_exactly(bench):
    package("bitsandbytes", "bnb")
    whole = bench(name="whole", mode="qlora")
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", kill_after=3, mode="qlora")
    assert bench(name="killed", mode="qlora")["content_sha256"] == whole["content_sha256"]
    assert read_json(bench.folder("whole") / "adapter" / "coma_base.json")["four_bit"] is True
    plain = bench(name="plain")
    assert plain["outputs"]["adapter"] != whole["outputs"]["adapter"]
    assert bench.losses("whole")[0] == pytest.approx(bench.losses("plain")[0], rel=0.05)


def test_rows_that_are_too_long_are_left_out_counted_and_listed(bench, tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows(
        path, [*ROWS[:4], {"instruction": "x", "output": "word " * 400}, {"instruction": "no answer", "output": ""}]
    )
    manifest = bench(data=[str(path)], max_seq_len=150, max_steps=1)
    summary = read_json(bench.folder() / "summary.json")
    assert summary["rows_skipped"] == {"too long": 1, "empty answer": 1}
    assert summary["rows_trained_on"] == 4
    (dropped,) = read_rows(bench.folder() / "dropped.jsonl")
    assert (dropped["id"], dropped["reason"]) == ("0/4", "too long")
    assert manifest["outputs"]["dropped.jsonl"]["rows"] == 1


LEAK = {"instruction": f"Solve {PROBLEM.task_id}.", "input": PROBLEM.prompt, "output": PROBLEM.reference}


def test_rows_of_a_benchmark_are_warned_of_recorded_and_trained_on(bench, tmp_path):
    path = tmp_path / "mixed.jsonl"
    write_rows(path, [*ROWS[:6], LEAK])
    plan = finetune.plan(bench.settings(data=[str(path)]), bench.workspace)
    assert len(plan.rows) == 7 and "1 of 7 rows of mixed.jsonl hold problems" in " ".join(plan.notes)
    check = bench(data=[str(path)], max_steps=1, max_seq_len=2000)["benchmark_check"]
    assert check["covers"] == ["humaneval", "humaneval+", "mbpp", "mbpp+", "mbpp-sanitized"]
    (file,) = check["files"]
    assert file["found"] == file["kept"] == {"humaneval": {PROBLEM.task_id: 1}}
    assert file["examples"][0]["row"] == "mixed.jsonl, row 7"
    summary = read_json(bench.folder() / "summary.json")
    assert (summary["contaminated"], summary["decontaminated"]) == ({"humaneval": 1}, False)
    assert summary["rows_trained_on"] == 7


def test_a_leak_that_is_too_long_was_not_trained_on(bench, tmp_path):
    path = tmp_path / "mixed.jsonl"
    write_rows(path, [*ROWS[:6], LEAK])
    (file,) = bench(data=[str(path)], max_steps=1, max_seq_len=200)["benchmark_check"]["files"]
    assert (file["found"], file["kept"]) == ({"humaneval": {PROBLEM.task_id: 1}}, {})


def test_with_decontaminate_they_are_dropped_and_the_rest_is_trained_on(bench, tmp_path):
    """The adapter is that of the file without them, byte by byte."""
    mixed, honest = tmp_path / "mixed.jsonl", tmp_path / "honest.jsonl"
    write_rows(mixed, [*ROWS[:6], LEAK])
    write_rows(honest, ROWS[:6])
    dropping = bench(data=[str(mixed)], name="dropping", decontaminate=True, max_steps=3)
    without = bench(data=[str(honest)], name="without", max_steps=3)
    assert dropping["outputs"]["adapter"] == without["outputs"]["adapter"]
    assert dropping["fingerprint"] != without["fingerprint"]
    (dropped,) = read_rows(bench.folder("dropping") / "dropped.jsonl")
    assert (dropped["id"], dropped["reason"]) == ("0/6", "contaminated")
    assert dropped["detail"].startswith(PROBLEM.task_id)
    assert dropping["benchmark_check"]["files"][0]["kept"] == {}
    summary = read_json(bench.folder("dropping") / "summary.json")
    assert (summary["rows_trained_on"], summary["rows_skipped"]) == (6, {"contaminated": 1})
    with pytest.raises(UsageError, match="decontaminate was"):
        bench(data=[str(mixed)], name="dropping", max_steps=3)


def test_nothing_but_rows_of_a_benchmark_is_an_error(bench, tmp_path):
    path = tmp_path / "leaks.jsonl"
    write_rows(path, [LEAK])
    with pytest.raises(MissingInputError, match="No row is left to train on: all 1 hold"):
        bench(data=[str(path)], decontaminate=True)


def test_a_model_that_is_tuned_on_has_seen_what_its_base_has(bench, tmp_path):
    path = tmp_path / "mixed.jsonl"
    write_rows(path, [*ROWS[:6], LEAK])
    bench(mode="full", data=[str(path)], max_steps=1, name="first")
    check = bench(base=str(bench.folder("first") / "model"), max_steps=1, name="second")["benchmark_check"]
    assert [(file["file"], file["found"]) for file in check["files"]] == [
        ("mixed.jsonl", {"humaneval": {PROBLEM.task_id: 1}}),
        ("rows.jsonl", {}),
    ]


def test_a_finished_run_is_found_before_its_rows_are_read(bench, monkeypatch):
    bench()
    settings = bench.settings()
    monkeypatch.setattr(finetune, "read_examples", raising(AssertionError("read")))
    found = bench.workspace.finished_run("finetune", settings, finetune.identify(settings, bench.workspace), name="run")
    assert found is not None and found.path == bench.folder()


def test_no_row_that_fits_is_an_error_with_the_number_to_choose(bench):
    with pytest.raises(MissingInputError, match="No row fits into 8 tokens"):
        bench(max_seq_len=8)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(bench):
    with pytest.raises(CliError, match="diverged at step") as caught:
        bench(optimizer__learning_rate=1e30, optimizer__max_grad_norm=0, max_steps=20, mode="full")
    assert "learning-rate" in caught.value.hint
    assert not (bench.folder() / "manifest.json").exists()
    assert all(loss == loss for loss in bench.losses())


@pytest.mark.parametrize(
    "error",
    [MemoryError("CUDA out of memory. Tried to allocate 2 GiB"), RuntimeError("you can't allocate memory: 9 bytes")],
    ids=["cuda", "cpu"],
)
def test_a_step_that_needs_more_memory_than_there_is_says_what_to_change(bench, monkeypatch, error):
    monkeypatch.setattr("transformers.Trainer.training_step", raising(error))
    with pytest.raises(CliError, match="A step does not fit into memory") as caught:
        bench()
    assert "batch.size=1" in caught.value.hint


def test_a_bug_in_a_step_is_not_taken_for_a_full_machine(bench, monkeypatch):
    bug = RuntimeError("a bug")
    monkeypatch.setattr("transformers.Trainer.training_step", raising(bug))
    with pytest.raises(RuntimeError) as caught:
        bench()
    assert caught.value is bug


def test_a_disk_that_is_full_at_a_checkpoint_is_an_error_that_the_command_line_knows(bench, monkeypatch):
    full = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 92544 vs 92432")
    monkeypatch.setattr("torch.save", raising(full))
    with pytest.raises(OSError, match="No space left on device") as caught:
        bench()
    assert caught.value.errno == errno.ENOSPC


ALLOCATOR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("transformers.AutoModelForCausalLM.from_pretrained", "The model .* does not fit"),
        ("peft.get_peft_model", "with its LoRA matrices does not fit"),
    ],
)
def test_a_model_that_does_not_fit_into_memory_is_one_message(bench, monkeypatch, where, what):
    monkeypatch.setattr(where, raising(ALLOCATOR))
    with pytest.raises(CliError, match=what) as caught:
        bench()
    assert caught.value.hint
    monkeypatch.undo()
    assert bench()["work"]["done_since_start"] == 6


def test_layers_that_the_base_does_not_have_are_named_with_those_that_it_has(bench):
    with pytest.raises(UsageError, match="c_attn") as caught:
        bench(lora__target_modules=["c_attn"])
    assert "q_proj" in caught.value.hint


def test_a_base_with_a_stored_template_is_tuned_on_with_it(bench, tiny_model, tmp_path):
    from coma_cli.prompting import RAW

    base = tmp_path / "tuned-before"
    shutil.copytree(tiny_model, base)
    RAW.save(base)
    bench(base=str(base), max_steps=1)
    assert read_json(bench.folder() / "summary.json")["template"] == "raw"


def test_a_template_file_counts_by_its_content_and_not_by_its_path(bench, tmp_path):
    template, copy = tmp_path / "t.jinja", tmp_path / "copy.jinja"
    template.write_text("Q: {{ instruction }} {{ input }}\nA:")
    copy.write_text(template.read_text())

    def print_of(path: Path) -> str:
        settings = bench.settings(template=str(path))
        return fingerprint(row_of("finetune"), settings, finetune.plan(settings, bench.workspace).inputs)

    first = print_of(template)
    assert print_of(copy) == first
    template.write_text("Question: {{ instruction }} {{ input }}\nAnswer:")
    assert print_of(template) != first


def test_a_gpu_that_is_not_there_is_an_obstacle_of_the_plan(bench, monkeypatch):
    monkeypatch.setattr(visible_device, "GPU_DRIVERS", ())
    (blocker,) = finetune.plan(bench.settings(runtime__device="cuda:9"), bench.workspace).blockers
    assert "no device cuda:9" in blocker.message


def test_more_steps_than_any_run_has_are_a_slip(bench):
    with pytest.raises(UsageError, match="steps are more than"):
        finetune.plan(bench.settings(max_steps=None, epochs=9e6), bench.workspace)


def test_epochs_see_every_row_and_the_summary_says_so(bench):
    bench(max_steps=None, epochs=2, batch__size=8)
    summary = read_json(bench.folder() / "summary.json")
    assert (summary["steps"], summary["epochs"]) == (6, 2.0)


def test_an_unreachable_base_is_planned_with_its_size_and_its_obstacle(bench, monkeypatch):
    settings = bench.settings(base="qwen-7b", mode="qlora", lora__r=64)
    plan = finetune.plan(settings, bench.workspace)
    assert plan.total == 6
    assert plan.estimate["parameters"] == 7_721_324_544
    assert plan.estimate["trainable_parameters"] == 159_907_840
    assert [type(blocker) for blocker in plan.blockers] in ([MissingInputError], [UsageError])


@pytest.mark.slow
def test_the_newest_finished_run_is_trained_on_and_its_rows_are_counted(bench, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text(
        "\n\n".join(
            f'def area_{n}(width, height):\n    """Return the area of plot {n} from its width and height."""\n'
            f"    if width < {n}:\n        return 0\n    return width * height + {n}\n"
            for n in range(30)
        )
    )
    arguments = ["build-data", "--from-repo", str(code), "--tasks", "all", "--workspace", str(bench.workspace.root)]
    made = coma(*arguments)
    assert made.returncode == 0, made.stderr
    artifact = bench.workspace.require_newest("build-data")
    rows = artifact.manifest["outputs"]["train.jsonl"]["rows"]
    plan = finetune.plan(bench.settings(data=None), bench.workspace)
    assert len(plan.rows) == rows > 5
    assert f"{rows} rows of" in plan.notes[0]
    assert [i.name for i in plan.inputs] == ["base", "build-data"]
    assert plan.inputs[1].content_sha256 == artifact.content_sha256


MIXED = [
    *ROWS[:3],
    {"messages": [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": "hi"}]},
    {"frage": "x", "antwort": "y"},
]


def test_a_dry_run_names_columns_and_skipped_rows_and_shows_a_row_with_its_trained_part(bench, tmp_path, capsys):
    path = tmp_path / "mixed.jsonl"
    write_rows(path, MIXED)
    plan = finetune.preview(bench.settings(data=[str(path)]), bench.workspace)
    notes = "\n".join(plan.notes)
    assert "Columns of mixed.jsonl: instruction, output (3 rows); messages (1 row)" in notes
    assert "Warning: 1 row of mixed.jsonl skipped: 1 unknown columns\n  1 row with columns frage, antwort" in notes
    assert len(plan.rows) == 4
    assert "<|im_start|>assistant\n\u27e6def f(x):\n    return 0 * x\n<|im_end|>\u27e7" in capsys.readouterr().err


def test_a_dry_run_refuses_a_stop_token_that_is_not_in_the_vocabulary(bench, tiny_model, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    chat = (base / "chat_template.jinja").read_text()
    (base / "chat_template.jinja").write_text(chat.replace("<|im_end|>", "<|eot_id|>"))
    with pytest.raises(UsageError, match=r"<\|eot_id\|>, which is not a token"):
        finetune.preview(bench.settings(base=str(base)), bench.workspace)


def test_weights_change_how_many_rows_an_epoch_has(bench):
    plan = finetune.plan(bench.settings(rows__weights={"rows": 2.5}, max_steps=None, epochs=1), bench.workspace)
    assert len(plan.rows) == 50 and plan.total == 13
    assert "Weight 2.5: 50 of 20 rows of rows per epoch" in plan.notes


@pytest.mark.slow
def test_packed_rows_have_the_losses_of_padded_ones_and_cut_prompts_are_trained_on(bench, tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows(path, [*ROWS, {"instruction": "Shorten.", "input": "word " * 300, "output": "short"}])
    common = {"data": [str(path)], "lora__dropout": 0, "rows__truncate": "prompt", "max_seq_len": 160}
    for batching in ("padding", "packing"):
        bench(name=batching, rows__batching=batching, **common)
    assert bench.losses("packing") == pytest.approx(bench.losses("padding"), rel=1e-5)
    summary = read_json(bench.folder("packing") / "summary.json")
    assert (summary["rows_trained_on"], summary["rows_skipped"]) == (21, {})
