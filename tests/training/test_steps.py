"""Runs that validate, stop early, are interrupted, run out of memory or continue an adapter: on a tiny real model."""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import read_json, read_rows, write_json, write_rows
from coma_cli.training import finetune
from tests.requirements import ROOT, package
from tests.training.bench import ROWS, Bench

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
HELD_OUT = [{"instruction": f"Return {n} times y.", "output": f"def f(y):\n    return {n} * y\n"} for n in range(5)]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("data")
    write_rows(folder / "rows.jsonl", ROWS)
    write_rows(folder / "held-out.jsonl", HELD_OUT)
    return folder / "rows.jsonl", folder / "held-out.jsonl"


@pytest.fixture
def bench(tmp_path, tiny_model, files) -> Bench:
    return Bench(tmp_path / "ws", tiny_model, files[0])


def metrics(bench: Bench, name: str = "run") -> list[dict]:
    return list(read_rows(bench.folder(name) / "metrics.jsonl"))


def summary(bench: Bench, name: str = "run") -> dict:
    return read_json(bench.folder(name) / "summary.json")


# Validation and probes


@pytest.mark.slow
def test_the_validation_loss_is_the_mean_over_the_answer_tokens_of_the_rows_and_changes_nothing(bench, files):
    """Dropout is on: a random number that validation or a probe drew would change all later losses."""
    plain = {"lora__dropout": 0.3, "optimizer__learning_rate": 1e-4}
    bench(name="plain", **plain)
    bench(name="both", validation__data=str(files[1]), validation__every=2, probe__every=2, probe__rows=2,
          probe__max_new_tokens=5, **plain)  # fmt: skip
    assert bench.losses("both") == bench.losses("plain")
    rows = metrics(bench, "both")
    assert [row["step"] for row in rows if "validation_loss" in row] == [2, 4, 6]
    probe = rows[1]["probe"]
    assert probe["rows"] == 2 and 0 <= probe["ended"] <= 1 and set(probe["metrics"]) == {"edit-similarity"}
    bench(name="as trained", data=[str(files[1])], batch__size=5, max_steps=1, lora__dropout=0,
          optimizer__learning_rate=1e-9)  # fmt: skip
    bench(name="validated", validation__data=str(files[1]), max_steps=1, lora__dropout=0, optimizer__learning_rate=1e-9)
    (row,) = metrics(bench, "validated")
    assert row["validation_loss"] == pytest.approx(bench.losses("as trained")[0], rel=1e-4)
    assert row["validation_perplexity"] == pytest.approx(2.718281828 ** row["validation_loss"])
    assert row["perplexity"] == pytest.approx(2.718281828 ** row["loss"])


@pytest.mark.slow
def test_the_best_step_is_kept_and_early_stopping_ends_the_run_even_if_it_is_killed_between(bench, files):
    """A learning rate that is far too high: the first validation is the best one."""
    from safetensors.torch import load_file

    changes = {"validation__data": str(files[1]), "validation__every": 1, "validation__keep_best": True,
               "validation__patience": 3, "optimizer__learning_rate": 3.0, "max_steps": 30}  # fmt: skip
    whole = bench(name="whole", **changes)
    made = summary(bench, "whole")
    losses = [row["validation_loss"] for row in metrics(bench, "whole")]
    best = losses.index(min(losses)) + 1
    assert made["best"]["step"] == made["step_of_output"] == best
    assert (made["steps"], made["stopped_early"]) == (best + 3, True)
    shorter = bench(name="shorter", **{**changes, "max_steps": best, "validation__keep_best": False})
    assert shorter["outputs"]["adapter"]["sha256"] == whole["outputs"]["adapter"]["sha256"]
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", kill_after=best + 2, **changes)
    assert bench(name="killed", **changes)["content_sha256"] == whole["content_sha256"]
    assert load_file(bench.folder("killed") / "adapter" / "adapter_model.safetensors")
    assert bench(name="whole", **{**changes, "max_steps": 40})["work"]["done_since_start"] == 0  # it has stopped


def test_a_share_of_the_rows_is_validated_on_and_not_trained_on(bench):
    bench(validation__data="0.2", max_steps=None, epochs=1, batch__size=1)
    made = summary(bench)
    assert (made["rows_trained_on"], made["validation_rows"], made["steps"]) == (16, 4, 16)


@pytest.mark.slow
def test_the_rows_that_a_data_run_held_out_are_validated_on_without_an_option(bench, tmp_path):
    from tests.support.command import coma

    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(statistics.__file__, code)
    arguments = ["--from-repo", str(code), "--tasks", "code-summarization", "--validation-share", "0.3"]
    made = coma("build-data", *arguments, "--workspace", str(bench.workspace.root))
    assert made.returncode == 0, made.stderr
    rows = bench.workspace.require_newest("build-data").manifest["outputs"]["validation.jsonl"]["rows"]
    plan = finetune.plan(bench.settings(data=None, probe__every=1), bench.workspace)
    assert len(plan.validation.rows) == rows > 0
    bench(data=None, probe__every=1, probe__max_new_tokens=4, max_steps=1)
    assert set(metrics(bench)[0]["probe"]["metrics"]) == {"sentence-bleu"}
    none = finetune.plan(bench.settings(data=None, validation__data="none"), bench.workspace)
    assert not none.validation.rows


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"validation__keep_best": True}, MissingInputError, "need validation rows"),
        ({"validation__data": "nowhere.jsonl"}, MissingInputError, "no file or finished run"),
        ({"validation__data": "0.99"}, MissingInputError, "none is left to train on"),
        ({"validation__data": "1.5"}, UsageError, "between 0 and 1"),
    ],
    ids=["no-rows", "no-file", "too-large", "no-share"],
)
def test_what_can_not_be_validated_on_is_said_before_anything_is_loaded(bench, changes, error, said):
    with pytest.raises(error, match=said):
        finetune.plan(bench.settings(**changes), bench.workspace)


def test_rows_that_are_trained_on_are_not_validated_on(bench, files):
    with pytest.raises(UsageError, match="is trained on"):
        finetune.plan(bench.settings(validation__data=str(files[0])), bench.workspace)


# Checkpoints


def test_the_first_checkpoint_is_read_back_after_one_step(bench, monkeypatch):
    save = __import__("torch").save

    def save_torn(content, path, *options, **named):
        save(content, path, *options, **named)
        if str(path).endswith("scheduler.pt"):
            Path(path).write_bytes(Path(path).read_bytes()[:100])

    monkeypatch.setattr("torch.save", save_torn)
    with pytest.raises(CliError, match="first checkpoint can't be read back"):
        bench(runtime__save_steps=1000, max_steps=1000)
    assert len(bench.losses()) == 1


def test_a_checkpoint_with_other_weights_than_the_model_is_found_after_one_step(bench, monkeypatch):
    from transformers import Trainer

    save = Trainer.save_model

    def save_others(trainer, folder=None, **named):
        with __import__("torch").no_grad():
            weight = next(p for p in trainer.model.parameters() if p.requires_grad)
            weight.add_(1)
            save(trainer, folder, **named)
            weight.sub_(1)

    monkeypatch.setattr(Trainer, "save_model", save_others)
    with pytest.raises(CliError, match="holds other values of"):
        bench(max_steps=1000)


@pytest.mark.slow
def test_more_checkpoints_are_kept_if_requested(bench):
    with pytest.raises(KeyboardInterrupt):
        bench(kill_after=7, max_steps=10, runtime__save_total_limit=2)
    kept = {path.name for path in (bench.folder() / ".checkpoints").iterdir()}
    assert kept == {"checkpoint-4", "checkpoint-6"}


def test_a_checkpoint_of_other_settings_is_not_continued(bench):
    with pytest.raises(KeyboardInterrupt):
        bench(kill_after=3)
    with pytest.raises(KeyboardInterrupt):
        bench(kill_after=1, name="other", lora__r=2)
    shutil.copytree(bench.folder() / ".checkpoints", bench.folder("other") / ".checkpoints", dirs_exist_ok=True)
    with pytest.raises(UsageError, match="checkpoint of other settings"):
        bench(name="other", lora__r=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="ctrl-c", marks=pytest.mark.soak),
        pytest.param(signal.SIGTERM, 143, id="sigterm"),
    ],
)
def test_a_signal_saves_the_present_step_and_the_run_continues_there(bench, files, tiny_model, number, code):
    whole = bench(name="whole", max_steps=40, runtime__save_steps=1000)
    arguments = [
        sys.executable,
        "-m",
        "coma_cli",
        "finetune",
        "--workspace",
        str(bench.workspace.root),
        "--name",
        "cut",
    ]
    arguments += ["--base", str(tiny_model), "--data", str(files[0]), "--batch-size", "4", "--lora-r", "4"]
    arguments += ["--dtype", "float32", "--max-steps", "40", "--learning-rate", "0.01", "--lora-alpha", "32"]
    arguments += ["--lora-dropout", "0.05", "--gradient-accumulation-steps", "1", "--set", "runtime.save_steps=1000"]
    process = subprocess.Popen(
        arguments, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    path = bench.folder("cut") / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (path.exists() and path.read_bytes().count(b"\n") >= 3) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code, said
    assert "a checkpoint was saved" in said and "Traceback" not in said
    (checkpoint,) = (bench.folder("cut") / ".checkpoints").glob("checkpoint-*")
    done = int(checkpoint.name.partition("-")[2])
    assert 3 <= done == path.read_bytes().count(b"\n") < 40
    resumed = bench(name="cut", max_steps=40, runtime__save_steps=1000)
    assert resumed["work"]["done_since_start"] == 40 - done
    assert resumed["content_sha256"] == whole["content_sha256"]


# Losses and memory


def test_a_loss_that_is_not_a_number_names_its_step_and_rows_and_keeps_the_last_good_checkpoint(bench, monkeypatch):
    from coma_cli.training.trainer import AnswerTrainer

    compute = AnswerTrainer.compute_loss

    def nan_at_four(trainer, *inputs, **named):
        loss = compute(trainer, *inputs, **named)
        return loss * float("nan") if trainer.state.global_step == 3 else loss

    monkeypatch.setattr(AnswerTrainer, "compute_loss", nan_at_four)
    with pytest.raises(CliError, match=r"diverged at step 4: loss nan.*Its rows: 0/\d+, 0/\d+, 0/\d+, 0/\d+\."):
        bench()
    (kept,) = (bench.folder() / ".checkpoints").glob("checkpoint-*")
    assert kept.name == "checkpoint-2"
    monkeypatch.undo()
    assert bench()["work"]["done_since_start"] == 4


def scaled(monkeypatch, scale: float) -> None:
    """A loss scaler as float16 has it on a GPU, which overflows at first: accelerate makes none on a CPU."""
    import torch
    from accelerate import Accelerator

    from coma_cli.training.trainer import AnswerTrainer

    create = AnswerTrainer.create_accelerator_and_postprocess

    def with_scaler(trainer):
        create(trainer)
        trainer.accelerator.native_amp = True
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)

    monkeypatch.setattr(AnswerTrainer, "create_accelerator_and_postprocess", with_scaler)
    monkeypatch.setattr(Accelerator, "mixed_precision", property(lambda accelerator: "fp16"))
    monkeypatch.setattr(Accelerator, "prepare_model", lambda accelerator, model, **named: model)


@pytest.mark.slow
def test_steps_that_the_scaler_skips_are_counted_and_not_an_error(bench, monkeypatch):
    scaled(monkeypatch, 2.0**127)
    bench(max_steps=12)
    rows = metrics(bench)
    skipped = [row["step"] for row in rows if row["skipped"]]
    assert skipped and skipped == list(range(1, len(skipped) + 1)) and len(skipped) < 12
    assert all(row["gradient_norm"] is None for row in rows[: len(skipped)])
    assert summary(bench)["skipped_steps"] == len(skipped)
    assert rows[0]["loss"] == pytest.approx(bench.losses()[0])


def test_many_skips_in_a_row_are_an_error(bench, monkeypatch):
    from coma_cli.training import recording

    monkeypatch.setattr(recording, "MOST_SKIPS_IN_A_ROW", 2)
    scaled(monkeypatch, 2.0**127)
    with pytest.raises(CliError, match="2 steps in a row overflowed"):
        bench(max_steps=12)


@pytest.mark.slow
def test_when_memory_runs_out_batches_are_halved_and_the_steps_stay_the_same(bench, monkeypatch):
    from coma_cli.training.trainer import AnswerTrainer

    compute = AnswerTrainer.compute_loss

    def small_card(trainer, model, inputs, *rest, **named):
        if len(inputs["input_ids"]) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return compute(trainer, model, inputs, *rest, **named)

    bench(name="large", batch__size=8, lora__dropout=0)
    monkeypatch.setattr(AnswerTrainer, "compute_loss", small_card)
    with pytest.raises(CliError, match="does not fit"):
        bench(name="refused", batch__size=8, lora__dropout=0)
    bench(name="small", batch__size=8, lora__dropout=0, runtime__auto_batch=True)
    assert bench.losses("small") == pytest.approx(bench.losses("large"), rel=1e-4)
    assert (summary(bench, "small")["batch_size"], summary(bench, "large")["batch_size"]) == (2, 8)


# Modes, optimizers and adapters


@pytest.mark.parametrize(
    "changes",
    [
        {"lora__target_modules": "all-linear", "lora__rslora": True},
        {"lora__target_modules": ["q_proj"], "lora__dora": True},
        {"lora__init": "gaussian", "optimizer__warmup_ratio": 0.5, "optimizer__weight_decay": 0.01},
    ],
    ids=["all-linear-rslora", "list-dora", "gaussian"],
)
def test_variants_of_lora_train_and_say_in_their_configuration_what_they_are(bench, changes):
    bench(max_steps=3, **changes)
    config = read_json(bench.folder() / "adapter" / "adapter_config.json")
    assert (config["use_rslora"], config["use_dora"]) == ("lora__rslora" in changes, "lora__dora" in changes)
    if changes.get("lora__target_modules") == ["q_proj"]:
        assert config["target_modules"] == ["q_proj"]
    if "optimizer__warmup_ratio" in changes:
        assert [row["learning_rate"] for row in metrics(bench)] == [0, 0.005, 0.01]


@pytest.mark.slow
def test_int8_lora_trains_on_eight_bits_and_resumes_exactly(bench):
    package("bitsandbytes", "bnb")
    whole = bench(name="whole", mode="int8-lora")
    with pytest.raises(KeyboardInterrupt):
        bench(name="killed", kill_after=3, mode="int8-lora")
    assert bench(name="killed", mode="int8-lora")["content_sha256"] == whole["content_sha256"]
    assert read_json(bench.folder("whole") / "adapter" / "coma_base.json")["eight_bit"] is True
    bench(name="plain")
    assert bench.losses("whole")[0] != bench.losses("plain")[0]
    assert bench.losses("whole") == pytest.approx(bench.losses("plain"), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adamw_8bit", "paged_adamw_32bit"])
def test_what_the_machine_replaces_is_printed_and_recorded(bench, capsys, name):
    package("bitsandbytes", "bnb")
    bench(optimizer__name=name, dtype="float16", max_steps=2)
    replaced = " ".join(summary(bench)["replaced"])
    assert "float16 by" in replaced and "Replaced float16 by" in capsys.readouterr().err
    assert ("paged_adamw_32bit by adamw" in replaced) == (name == "paged_adamw_32bit")


@pytest.mark.slow
def test_an_adapter_is_trained_further(bench, files):
    """With a constant rate and the same rows, one step after another is what a longer run does, but for the moments."""
    bench(name="first", max_steps=2, lora__dropout=0, optimizer__learning_rate=1e-3)
    bench(name="second", max_steps=2, lora__dropout=0, optimizer__learning_rate=1e-9, from_adapter=Path("first"),
          data=[str(files[1])])  # fmt: skip
    bench(name="from folder", max_steps=2, lora__dropout=0, optimizer__learning_rate=1e-9,
          from_adapter=bench.folder("first") / "adapter", data=[str(files[1])])  # fmt: skip
    bench(name="base", max_steps=2, lora__dropout=0, optimizer__learning_rate=1e-9, data=[str(files[1])])
    assert bench.losses("second") == bench.losses("from folder") != bench.losses("base")
    inputs = bench.workspace.artifact_at(bench.folder("second")).manifest["inputs"]
    assert [i["name"] for i in inputs] == ["base", "data-0", "adapter"]
    assert read_json(bench.folder("second") / "adapter" / "adapter_config.json")["r"] == 4


@pytest.mark.slow
def test_an_adapter_of_another_base_or_another_rank_is_refused_before_a_weight_is_read(bench, tmp_path):
    from tests.tiny_model import make_tiny_model

    bench(max_steps=1)
    other = make_tiny_model(tmp_path / "other", seed=5)
    with pytest.raises(UsageError, match="was trained on"):
        finetune.plan(bench.settings(base=str(other), from_adapter=bench.folder()), bench.workspace)
    with pytest.raises(UsageError, match=r"has lora.r 4, not 8"):
        finetune.plan(bench.settings(lora__r=8, from_adapter=bench.folder()), bench.workspace)
    with pytest.raises(MissingInputError, match="no folder or finetune run"):
        finetune.plan(bench.settings(from_adapter=Path("nowhere")), bench.workspace)
    record = read_json(bench.folder() / "adapter" / "coma_base.json")
    write_json(bench.folder() / "adapter" / "coma_base.json", {**record, "dtype": "bfloat16"})
    with pytest.raises(MissingInputError, match="is not what coma finetune wrote"):
        finetune.plan(bench.settings(from_adapter=bench.folder()), bench.workspace)


# Devices


@pytest.mark.slow
def test_with_two_devices_one_is_used(bench, monkeypatch):
    """transformers would wrap the model in DataParallel, which splits what the loss keeps along with the rows."""
    import transformers

    bench(name="one", lora__dropout=0)
    monkeypatch.setattr(transformers.TrainingArguments, "n_gpu", property(lambda arguments: 2))
    bench(name="two", lora__dropout=0)
    assert bench.losses("two") == bench.losses("one")


def test_deterministic_kernels_are_chosen_while_training_only(bench, monkeypatch):
    import torch

    seen = []
    from coma_cli.training.trainer import AnswerTrainer

    compute = AnswerTrainer.compute_loss
    monkeypatch.setattr(
        AnswerTrainer,
        "compute_loss",
        lambda *a, **k: (seen.append(torch.are_deterministic_algorithms_enabled()), compute(*a, **k))[1],
    )
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    bench(max_steps=1, runtime__deterministic=True)
    assert seen == [True] and not torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_adapters_are_computed_in_bfloat16_and_stored_in_float32(bench, monkeypatch):
    import torch

    dtypes = set()
    linear = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda x, w, b=None: (dtypes.add(x.dtype), linear(x, w, b))[1])
    bench(dtype="bfloat16", max_steps=2)
    assert dtypes == {torch.bfloat16}
    from safetensors.torch import load_file

    stored = load_file(bench.folder() / "adapter" / "adapter_model.safetensors")
    assert {weight.dtype for weight in stored.values()} == {torch.float32}


def test_a_run_is_not_for_another_device(bench):
    with pytest.raises(UsageError, match="--for-device is for estimates"):
        finetune.plan(bench.settings(runtime__for_device="t4"), bench.workspace)


@pytest.mark.parametrize(("times", "steps"), [(None, None), (1, 10), (4, 2), (0.5, 20), (100, 1)])
def test_what_is_done_so_often_per_epoch_is_done_every_so_many_steps(times, steps):
    from coma_cli.training.settings import BatchBlock
    from coma_cli.training.steps import between

    job = SimpleNamespace(rows=range(117), batch=BatchBlock(size=6, accumulation=2))  # ten steps, the last one short
    assert between(times, job) == steps
