"""One GPU is visible to a process, whichever was chosen and however many there are."""

import subprocess
import sys

import pytest

from coma_cli.errors import UsageError
from coma_cli.models import one_device
from coma_cli.models.one_device import VISIBLE, pin_device


@pytest.fixture(autouse=True)
def with_a_driver(tmp_path, monkeypatch):
    monkeypatch.setattr(one_device, "GPU_DRIVERS", (str(tmp_path),))


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
    monkeypatch.setattr(one_device, "GPU_DRIVERS", ())
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
    code = "import sys; from coma_cli.models.one_device import pin_device; pin_device('cpu')\n"
    code += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
