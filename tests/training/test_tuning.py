"""finetune by two processes of a launcher: the losses of one, saving, resuming, ends, and a merged model."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coma_cli.jsonl import read_rows, write_rows
from tests.requirements import ROOT, package
from tests.support.command import coma
from tests.training.bench import ROWS

package("torch", "train")
pytestmark = pytest.mark.slow
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
# Without GPUs too: what it calls multi-CPU needs MPI.
ACCELERATE = (str(Path(sys.executable).with_name("accelerate")), "launch", "--multi_gpu")
ACCELERATE += ("--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "-m")
ALONE = (sys.executable, "-m")
# Minutes each: what is nearly another test's is left to make soak.
IN_SOAK = pytest.mark.soak
SETTINGS = ["--batch-size", "4", "--lora-r", "4", "--lora-dropout", "0", "--dtype", "float32", "--max-steps", "7"]
SETTINGS += ["--learning-rate", "0.01", "--set", "runtime.save_steps=2", "--device", "cpu"]
SETTINGS += ["--set", "batch.accumulation=1"]
HELD_OUT = [{"instruction": f"Return {n} times y.", "output": f"def f(y):\n    return {n} * y\n"} for n in range(5)]


class LaunchedRuns:
    """Runs of `coma finetune` in one workspace, by one process or by a launcher; 20 rows, so 5 steps an epoch."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.root = folder / "ws"
        self.rows, self.held_out = folder / "rows.jsonl", folder / "held-out.jsonl"
        write_rows(self.rows, ROWS)
        write_rows(self.held_out, HELD_OUT)
        self.usual = [
            "finetune",
            "--workspace",
            str(self.root),
            "--base",
            str(base),
            "--data",
            str(self.rows),
            *SETTINGS,
        ]

    def start(self, launcher, name: str, *more: str) -> subprocess.Popen:
        command = [*launcher, "coma_cli", *self.usual, "--name", name, *more]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, launcher, name: str, *more: str) -> str:
        process = self.start(launcher, name, *more)
        _, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
        return said

    def folder(self, name: str) -> Path:
        return self.root / "finetune" / name

    def metrics(self, name: str) -> list[dict]:
        return list(read_rows(self.folder(name) / "metrics.jsonl"))

    def losses(self, name: str) -> list[float]:
        return [row["loss"] for row in self.metrics(name)]

    def weights(self, name: str, output: str):
        from safetensors.torch import load_file

        (path,) = (self.folder(name) / output).glob("*.safetensors")
        return load_file(path)

    def after_steps(self, name: str, steps: int) -> None:
        path, deadline = self.folder(name) / "metrics.jsonl", time.monotonic() + 200
        while not (path.exists() and path.read_bytes().count(b"\n") >= steps):
            assert time.monotonic() < deadline
            time.sleep(0.002)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_model) -> LaunchedRuns:
    return LaunchedRuns(tmp_path_factory.mktemp("launched"), tiny_model)


def require_equal(runs: LaunchedRuns, one: str, other: str, output: str = "adapter") -> None:
    assert runs.losses(other) == pytest.approx(runs.losses(one), abs=1e-4)
    first, second = runs.weights(one, output), runs.weights(other, output)
    assert first.keys() == second.keys()
    assert all((first[name] - second[name]).abs().mean() < 1e-4 for name in first)


def errors_in(said: str) -> list[str]:
    """coma's messages; launchers print reports of their own."""
    return re.findall(r"^Error: .*", said, re.MULTILINE)


def only_the_end_is_told(said: str) -> bool:
    """Whether at most one message of coma's names the end of a rank; torchrun may end the others before they do."""
    errors = errors_in(said)
    return len(errors) <= 1 and all("processes has ended" in error for error in errors)


def rank_of(launcher: subprocess.Popen, number: int) -> int:
    """The process id of a rank."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    for child in children:
        if f"RANK={number}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            return int(child)
    raise AssertionError(f"no rank {number} among {children}")


@pytest.mark.parametrize(
    "launcher", [pytest.param(TORCHRUN, id="torchrun"), pytest.param(ACCELERATE, id="accelerate", marks=IN_SOAK)]
)
def test_two_processes_have_the_losses_of_one_and_leave_an_adapter_that_merges(runs, launcher):
    """A step of four rows in two batches; the second epoch begins at step 6."""
    name = f"ddp-{len(launcher)}"
    if not runs.folder("one").exists():
        runs(ALONE, "one", "--validation", str(runs.held_out), "--eval-steps", "2", "--probe", "3", "--keep-best")
    said = runs(launcher, name, "--validation", str(runs.held_out), "--eval-steps", "2", "--probe", "3", "--keep-best")
    assert "2 processes share the 4 rows of each step." in said and said.count("Done: ") == 1
    require_equal(runs, "one", name)
    for row, other in zip(runs.metrics("one"), runs.metrics(name), strict=True):
        assert row.get("validation_loss") == pytest.approx(other.get("validation_loss"), abs=1e-4)
        assert row.get("probe") == other.get("probe") and row["tokens"] == other["tokens"]
    adapter = str(runs.folder(name) / "adapter")
    merged = coma("merge-lora", "--adapter", adapter, "--workspace", str(runs.root), "--name", name)
    assert merged.returncode == 0, merged.stderr


@pytest.mark.parametrize("mode", [pytest.param("--lora", marks=IN_SOAK), "--qlora"])
def test_a_base_that_is_sharded_gives_the_losses_and_the_probes_of_one_process(runs, mode):
    if mode == "--qlora":
        package("bitsandbytes", "bnb")
    one, sharded = f"one{mode}", f"sharded{mode}"
    rest = [mode, "--probe", "3", "--validation", str(runs.held_out), "--eval-steps", "3"]
    runs(ALONE, one, *rest)
    runs(TORCHRUN, sharded, *rest, "--sharding", "fsdp2")
    require_equal(runs, one, sharded)
    for row, other in zip(runs.metrics(one), runs.metrics(sharded), strict=True):
        assert row.get("probe") == other.get("probe")
        assert row.get("validation_loss") == pytest.approx(other.get("validation_loss"), abs=1e-4)


def test_full_tuning_that_is_sharded_and_killed_ends_in_the_model_of_one_process(runs):
    """Killed in the middle of the first epoch; what is resumed are gathered weights and moments."""
    import transformers

    rest = ["--full", "--learning-rate", "0.001", "--set", "runtime.gradient_checkpointing=true", "--max-steps", "12"]
    sharded = [*rest, "--sharding", "fsdp2"]
    runs(ALONE, "whole", *rest)
    process = runs.start(TORCHRUN, "cut", *sharded)
    runs.after_steps("cut", 3)
    os.kill(rank_of(process, 1), signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    assert process.returncode != 0 and only_the_end_is_told(said), said
    assert list((runs.folder("cut") / ".checkpoints").glob("checkpoint-*/complete.json"))
    assert "are there already" in runs(TORCHRUN, "cut", *sharded)
    require_equal(runs, "whole", "cut", "model")
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        runs.folder("cut") / "model", output_loading_info=True
    )
    assert not report["missing_keys"] and model.config.tie_word_embeddings


@IN_SOAK
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_ends_all_and_the_same_command_resumes_with_equal_losses(runs, rank):
    """With dropout, so that each process needs its own random state back."""
    drawn = ["--lora-dropout", "0.3", "--max-steps", "13", "--set", "batch.accumulation=2"]
    if not runs.folder("uninterrupted").exists():
        runs(TORCHRUN, "uninterrupted", *drawn)
    name = f"killed-{rank}"
    process = runs.start(TORCHRUN, name, *drawn)
    runs.after_steps(name, 4)
    os.kill(rank_of(process, rank), signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    assert process.returncode != 0
    assert only_the_end_is_told(said), said
    assert "coma_cli/training" not in said, said  # no traceback of coma's
    said = runs(TORCHRUN, name, *drawn)
    assert "are there already" in said
    assert runs.losses(name) == pytest.approx(runs.losses("uninterrupted"), abs=1e-6)
    assert "Already done" in runs(TORCHRUN, name, *drawn)


@IN_SOAK
def test_a_run_of_two_processes_is_continued_by_one(runs):
    more = ["--max-steps", "4", "--learning-rate", "0.005"]
    runs(TORCHRUN, "continued", *more)
    more[1] = "8"
    runs(ALONE, "continued", *more)
    runs(ALONE, "continued by one", *more)
    require_equal(runs, "continued by one", "continued")


@IN_SOAK
def test_sigterm_to_the_launcher_saves_the_present_step(runs):
    many = ["--max-steps", "400", "--set", "runtime.save_steps=1000"]
    process = runs.start(TORCHRUN, "terminated", *many)
    runs.after_steps("terminated", 5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=200)
    assert said.count("a checkpoint was saved") == 1 and len(errors_in(said)) == 1, said
    (checkpoint,) = (runs.folder("terminated") / ".checkpoints").glob("checkpoint-*")
    done = int(checkpoint.name.partition("-")[2])
    assert (checkpoint / "complete.json").exists() and 5 <= done == len(runs.losses("terminated")) < 400


FAILING_RANK = """
import os, sys
from coma_cli.cli import main
if os.environ["RANK"] == sys.argv.pop(1):
    from coma_cli.training.trainer import AnswerTrainer
    step = AnswerTrainer.training_step
    def failing(self, *arguments, **options):
        if self.state.global_step == 2:
            raise RuntimeError("out of memory")
        return step(self, *arguments, **options)
    AnswerTrainer.training_step = failing
main(sys.argv[1:])
"""


@pytest.mark.parametrize("rank", [pytest.param(0, marks=IN_SOAK), 1])
def test_an_error_of_one_rank_is_one_message_and_ends_all(runs, tmp_path, rank):
    script = tmp_path / "failing.py"
    script.write_text(FAILING_RANK)
    name = f"failed-{rank}"
    command = [*TORCHRUN[:-1], str(script), str(rank), *runs.usual, "--name", name]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=200, check=False)
    assert done.returncode != 0
    assert len(errors_in(done.stderr)) == 1 and "does not fit into memory" in done.stderr, done.stderr
    assert len(runs.losses(name)) == 2


def test_what_is_wrong_before_training_is_said_once(runs, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    process = runs.start(TORCHRUN, "wrong", "--data", str(tmp_path / "empty.jsonl"))
    _, said = process.communicate(timeout=200)
    assert process.returncode != 0 and len(errors_in(said)) == 1, said
    refused = runs.start(TORCHRUN, "refused", "--auto-batch")
    _, said = refused.communicate(timeout=200)
    assert "--auto-batch works with one process" in said and len(errors_in(said)) == 1
