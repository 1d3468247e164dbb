"""A model in several processes at once gives the rows of one process, whoever starts and whoever kills them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coma_cli.workspace import Artifact, Workspace
from tests.evaluation.sampler import Sampler, rows_of
from tests.requirements import ROOT, package
from tests.support.processes import is_alive
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.slow
DEADLINE_S = 300.0
SETTINGS = {"limit": 4, "n": 12, "temperature": 0.8, "max_new_tokens": 60, "dtype": "float32", "deterministic": True}
COMA = ("-m", "coma_cli")
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", *COMA)
ACCELERATE = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1")
LAUNCH = (*ACCELERATE, "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", *COMA)
TWO_PROCESSES = {
    "devices": (COMA, ("--devices", "cpu,cpu")),
    "torchrun": (TORCHRUN, ("--device", "cpu")),
    "accelerate": (LAUNCH, ("--device", "cpu")),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    package("torch", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, model) -> Artifact:
    """The rows of one process."""
    sampler = Sampler(tmp_path_factory.mktemp("whole"), model=str(model), runtime__device="cpu", **SETTINGS)
    return sampler()


def start(how: str, model: Path, workspace: Path) -> subprocess.Popen[str]:
    """Sample in two processes; what is printed goes to a file beside the workspace."""
    starter, options = TWO_PROCESSES[how]
    named = [f"--{name.replace('_', '-')}" for name in SETTINGS]
    values = [() if value is True else (str(value),) for value in SETTINGS.values()]
    given = [word for name, value in zip(named, values, strict=True) for word in (name, *value)]
    given[given.index("--n")] = "-n"
    arguments = [*starter, "sample", "--model", str(model), *given, *options, "-w", str(workspace)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with workspace.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def finish(how: str, model: Path, workspace: Path) -> Artifact:
    process = start(how, model, workspace)
    assert process.wait(DEADLINE_S) == 0, workspace.with_suffix(".log").read_text()
    return Workspace(workspace).require_newest("sample")


def wait_for(condition, process: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end
        time.sleep(0.002)


def descendants(pid: int) -> list[int]:
    """The processes below one, by the parents that the kernel names."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, below = [], [pid]
    while below:
        below = [child for child, parent in parents.items() if parent in below]
        found += below
    return found


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in descendants(process.pid)}
    return [pid for pid, path in commands.items() if b"coma_cli.engines.worker" in path.read_bytes()]


def begin(how: str, model: Path, workspace: Path) -> subprocess.Popen[str]:
    """Start, and wait for the first rows."""
    process, log = start(how, model, workspace), workspace.with_suffix(".log")
    wait_for(lambda: any(p.stat().st_size for p in workspace.glob("sample/*/samples.jsonl")), process, log)
    return process


# Two ways of each are nearly the same: one of them is left to make soak.
@pytest.mark.parametrize("how", ["devices", "torchrun", pytest.param("accelerate", marks=pytest.mark.soak)])
def test_two_processes_give_the_rows_of_one(how, model, whole, tmp_path):
    workspace = tmp_path / "w"
    artifact = finish(how, model, workspace)
    assert artifact.content_sha256 == whole.content_sha256
    assert len(artifact.summary["workers"]) == 2
    assert whole.summary["workers"] == []
    assert artifact.manifest["work"]["done_since_start"] == 48
    log = workspace.with_suffix(".log")
    assert log.read_text().count("Done: ") == 1, "only one process says so"
    if how == "torchrun":
        assert finish(how, model, workspace).path == artifact.path
        assert log.read_text().count("Already done") == 1


def test_the_nodes_of_a_cluster_give_the_rows_of_one_process(ray, model, whole, tmp_path):
    sampler = Sampler(tmp_path / "w", model=str(model), runtime__device="cpu", **SETTINGS)
    artifact = sampler(runtime__cluster="ray", runtime__devices="2")
    assert artifact.content_sha256 == whole.content_sha256
    assert [name.split()[1:] for name in sorted(artifact.summary["workers"])] == [["CPU", "0"], ["CPU", "1"]]


def test_a_killed_worker_leaves_its_rows_to_the_other(model, whole, tmp_path):
    workspace = tmp_path / "w"
    process = begin("devices", model, workspace)
    first, second = workers_of(process)
    os.kill(second, signal.SIGKILL)
    log = workspace.with_suffix(".log")
    assert process.wait(DEADLINE_S) == 0, log.read_text()
    assert "was killed by signal 9" in log.read_text()
    assert not is_alive(first)
    artifact = Workspace(workspace).require_newest("sample")
    assert artifact.content_sha256 == whole.content_sha256
    assert len(rows_of(artifact)) == 48


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        pytest.param("devices", signal.SIGKILL, id="kill", marks=pytest.mark.soak),
        pytest.param("devices", signal.SIGINT, id="ctrl-c", marks=pytest.mark.soak),
        pytest.param("torchrun", signal.SIGINT, id="ctrl-c of torchrun"),
    ],
)
def test_what_is_interrupted_leaves_no_process_and_is_resumed(how, kind, model, whole, tmp_path):
    workspace = tmp_path / "w"
    process = begin(how, model, workspace)
    others = descendants(process.pid)
    assert len(workers_of(process)) == (2 if how == "devices" else 1)
    if kind == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, kind)  # a terminal sends it to every process of the group
    code, log = process.wait(60), workspace.with_suffix(".log")
    end = time.monotonic() + 30
    while (left := [pid for pid in others if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []
    if kind == signal.SIGINT:
        assert log.read_text().count("Interrupted; the output so far is kept") == 1
        assert how != "devices" or (code == 130 and "Traceback" not in log.read_text())
    assert not Workspace(workspace).finished("sample")
    resumed = Sampler(workspace, model=str(model), runtime__device="cpu", **SETTINGS)()  # on one device
    assert resumed.content_sha256 == whole.content_sha256
    assert resumed.manifest["work"]["done_since_start"] < 48


@pytest.mark.soak
def test_a_launcher_without_anything_to_do_ends(model, tmp_path):
    starter, _ = TWO_PROCESSES["torchrun"]
    command = [sys.executable, *starter, "sample", "--model", str(model), "--limit", "1", "--dry-run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Plan of coma sample") == 1
