"""What `--device`, `--devices`, `--cluster` and a launcher come to, on machines with any number of GPUs."""

import pytest
from pydantic import ValidationError

from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling import devices
from coma_cli.evaluation.sampling.devices import choose_devices, memory_bytes, place, refused_by_server
from coma_cli.evaluation.sampling.settings import SampleRuntime
from coma_cli.models import visible_device
from coma_cli.parallel.ranks import ProcessRank
from tests.evaluation.sampler import Sampler
from tests.requirements import package

RANK = ProcessRank(number=0, world=2, local=0, local_world=2)


@pytest.fixture
def gpus(monkeypatch):
    """Makes this machine one with that many GPUs."""

    def have(count: int) -> None:
        for module in (visible_device, devices):
            monkeypatch.setattr(module, "gpu_count", lambda: count)

    return have


def names(rank: ProcessRank | None = None, **runtime: object) -> tuple[str, ...]:
    return choose_devices(SampleRuntime(**runtime), rank).names


def test_a_number_of_devices_or_each_by_name(gpus):
    gpus(4)
    assert names(devices=2) == ("cuda:0", "cuda:1")
    assert names(devices="1, 3") == ("cuda:1", "cuda:3")
    assert names(devices=[0, 2]) == ("cuda:0", "cuda:2")
    assert names(devices="cuda:3") == ("cuda:3",)
    assert names(devices="cpu,cpu") == ("cpu", "cpu")
    assert names(devices=3, device="cpu") == ("cpu",) * 3
    gpus(0)
    assert names(devices=2) == ("cpu", "cpu")


def test_one_device_needs_no_other_process(gpus):
    gpus(1)
    for runtime in ({}, {"device": "cuda:0"}, {"devices": 1}, {"devices": "cpu"}):
        assert not choose_devices(SampleRuntime(**runtime), None).are_many
    assert choose_devices(SampleRuntime(devices="cpu,cpu"), None).are_many


def test_devices_that_are_not_there_or_contradict_each_other(gpus):
    gpus(2)
    with pytest.raises(UsageError, match="no GPU 2: this machine has 2 GPUs"):
        names(devices="1,2")
    with pytest.raises(UsageError, match="names GPUs and CPUs"):
        names(devices="0,cpu")
    with pytest.raises(UsageError, match="cuda:1 is one device"):
        names(devices=2, device="cuda:1")
    with pytest.raises(UsageError, match="no GPU 0"):
        names(devices="0,1", device="cpu")


@pytest.mark.parametrize("text", ["0", "-1", "cpu,", "a,b", "1;2", "", "cuda"])
def test_what_names_no_devices(text):
    with pytest.raises(ValidationError):
        SampleRuntime(devices=text)


def test_a_gpu_is_named_once():
    with pytest.raises(ValidationError, match="names a GPU twice"):
        SampleRuntime(devices="1,cuda:1")


def test_a_rank_of_a_launcher_has_its_own_device(gpus):
    gpus(2)
    chosen = choose_devices(SampleRuntime(), RANK)
    assert (chosen.names, chosen.are_many, chosen.processes_here) == (("cuda:0",), True, 2)
    assert names(RANK, device="cpu") == ("cpu",)
    with pytest.raises(UsageError, match="started 2 processes"):
        names(RANK, devices=2)
    with pytest.raises(UsageError, match="can't share --device cuda:1"):
        names(RANK, device="cuda:1")


def test_processes_share_the_memory_of_a_cpu():
    assert memory_bytes("cpu", 4) == memory_bytes("cpu") // 4


def test_gpus_of_a_cluster_are_believed_in(gpus):
    package("ray")
    package("torch", "train")
    gpus(0)
    chosen = choose_devices(SampleRuntime(device="cuda", devices=8, cluster="ray"), None)
    assert (len(chosen.names), chosen.are_gpus, chosen.named) == (8, True, True)
    assert place(chosen, "auto").dtype_name == "bfloat16"
    assert place(chosen, "float16").dtype_name == "float16"


def test_a_server_is_sampled_by_one_process(tmp_path):
    assert refused_by_server(SampleRuntime(), None) == []
    (refused,) = refused_by_server(SampleRuntime(), RANK)
    assert "no use for torchrun" in refused.message
    sampler = Sampler(tmp_path, model="m", limit=1, runtime__base_url="http://localhost:9/v1")
    (blocker,) = sampler.plan(runtime__devices="cpu,cpu").blockers
    assert "no use for --devices: the server decides" in blocker.message
    assert "--concurrency" in blocker.hint
