"""One GPU for each process, on machines with any number of them, and the only one that it sees."""

import subprocess
import sys

import pytest

from coma_cli.errors import UsageError
from coma_cli.models import visible_device
from coma_cli.models.visible_device import VISIBLE, claim, device_of_rank, pin_device, show_only


@pytest.fixture
def gpus(monkeypatch):
    """Makes this machine one with that many GPUs."""
    return lambda count: monkeypatch.setattr(visible_device, "gpu_count", lambda: count)


def test_each_rank_has_a_gpu_of_its_own(gpus):
    gpus(4)
    assert [device_of_rank("auto", rank, 4) for rank in range(4)] == [f"cuda:{rank}" for rank in range(4)]
    assert [device_of_rank("cuda", rank, 2) for rank in range(2)] == ["cuda:0", "cuda:1"]
    assert device_of_rank("cpu", 1, 2) == "cpu"
    assert device_of_rank("cuda:2", 0, 1) == "cuda:2"


def test_ranks_without_a_gpu_use_the_cpu_unless_one_is_wanted(gpus):
    gpus(0)
    assert device_of_rank("auto", 1, 2) == "cpu"
    with pytest.raises(UsageError, match="has 0 GPUs"):
        device_of_rank("cuda", 1, 2)


def test_more_ranks_than_gpus_or_one_gpu_for_all_is_refused(gpus):
    gpus(2)
    with pytest.raises(UsageError, match="4 processes were started on this machine, which has 2 GPUs") as caught:
        device_of_rank("auto", 0, 4)
    assert "torchrun --nproc-per-node 2" in caught.value.hint
    with pytest.raises(UsageError, match="can't share --device cuda:1"):
        device_of_rank("cuda:1", 0, 2)


def test_a_process_is_shown_one_gpu_as_the_first():
    assert show_only("cuda:2", {}) == {"CUDA_VISIBLE_DEVICES": "2"}
    assert show_only("cuda", {}) == {"CUDA_VISIBLE_DEVICES": "0"}
    assert show_only("cpu", {}) == {}


def test_an_index_counts_among_the_gpus_that_are_shown_already():
    shown = {"CUDA_VISIBLE_DEVICES": "3, GPU-8d2f,7"}
    assert show_only("cuda:1", shown) == {"CUDA_VISIBLE_DEVICES": "GPU-8d2f"}
    environment = dict(shown)
    assert claim("cuda:2", environment) == "cuda:0"
    assert environment == {"CUDA_VISIBLE_DEVICES": "7"}
    assert claim("cpu", environment) == "cpu"


@pytest.fixture(autouse=True)
def with_a_driver(tmp_path, monkeypatch):
    monkeypatch.setattr(visible_device, "GPU_DRIVERS", (str(tmp_path),))


@pytest.mark.parametrize(
    ("device", "before", "visible", "name"),
    [
        ("cuda:1", {}, "1", "cuda"),
        ("cuda", {}, "0", "cuda"),
        ("auto", {"LOCAL_RANK": "3"}, "3", "auto"),
        ("cuda:1", {VISIBLE: "4,6"}, "6", "cuda"),
        ("auto", {VISIBLE: "4,6", "LOCAL_RANK": "0"}, "4", "auto"),
        ("cuda:0", {VISIBLE: "GPU-7c1"}, "GPU-7c1", "cuda"),
        ("cpu", {}, None, "cpu"),
        ("auto", {VISIBLE: ""}, "", "auto"),
    ],
)
def test_the_chosen_one_is_the_only_one(device, before, visible, name):
    environment = dict(before)
    assert pin_device(device, environment=environment) == name
    assert environment.get(VISIBLE) == visible
    assert pin_device(device, environment=environment) == name  # as for a second run of this process
    assert environment.get(VISIBLE) == visible


def test_without_a_driver_nothing_is_set(monkeypatch):
    monkeypatch.setattr(visible_device, "GPU_DRIVERS", ())
    environment: dict[str, str] = {}
    assert pin_device("auto", environment=environment) == "auto" and environment == {}


def test_one_that_is_not_visible_is_refused():
    with pytest.raises(UsageError, match="cuda:2 does not exist"):
        pin_device("cuda:2", environment={VISIBLE: "4,6"})


def test_a_deterministic_run_asks_cublas_for_it_before_cuda_starts():
    environment: dict[str, str] = {}
    pin_device("cpu", deterministic=True, environment=environment)
    assert environment == {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def test_torch_is_not_imported_for_it():
    code = "import sys; from coma_cli.models.visible_device import pin_device; pin_device('cpu')\n"
    code += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
