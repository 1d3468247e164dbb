"""Where workers run: their threads and names, the nodes of a Ray cluster, and ranks that connect."""

import os
import signal
import threading
from functools import partial
from pathlib import Path

import pytest

from coma_cli.engines import worker_sources
from coma_cli.engines.many_workers import ManyWorkersEngine
from coma_cli.engines.worker import connect, serve
from coma_cli.engines.worker_sources import LocalSource, RankSource, RaySource, own_device, threads_of_each
from coma_cli.errors import CliError, UsageError
from coma_cli.parallel.ranks import ProcessRank, announced
from coma_cli.parallel.worker_links import WorkerAddress
from tests.engines.counting_engine import open_counting, requests_for
from tests.requirements import package


def test_processes_share_the_cores_unless_the_user_wants_fewer(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(worker_sources, "default_workers", lambda: 16)
    assert [threads_of_each(n) for n in (1, 3, 4, 40)] == [16, 5, 4, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert [threads_of_each(n) for n in (1, 4, 8)] == [3, 3, 2]


def test_a_gpu_is_the_first_of_its_process():
    assert [own_device(name) for name in ("cuda:3", "cuda", "cpu")] == ["cuda:0", "cuda:0", "cpu"]


def test_a_worker_sees_its_gpu_only_and_no_rank(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    source = LocalSource(["cuda:1"], 1)
    source.open()
    ((link, device),) = source.arrived()
    assert link.process is not None
    variables = Path(f"/proc/{link.process.pid}/environ").read_bytes().split(b"\0")
    source.close(kill=True)
    assert device == "cuda:0"
    assert b"CUDA_VISIBLE_DEVICES=5" in variables
    assert not [name for name in variables if name.startswith(b"RANK=")]


@pytest.mark.slow
def test_ranks_connect_to_rank_0_which_has_a_worker_of_its_own(monkeypatch):
    package("torch", "train")
    from torch.distributed import HashStore

    store = HashStore()
    monkeypatch.setattr(ProcessRank, "store", lambda rank: store)

    def other_rank() -> None:
        address = announced(store)
        assert address is not None
        serve(connect(address, "rank 1"), 1, lambda wanted: f"placed-{wanted}")

    thread = threading.Thread(target=other_rank)
    thread.start()
    source = RankSource(ProcessRank(number=0, world=2, local=0, local_world=2), "d0", "wanted")
    with ManyWorkersEngine(source, partial(open_counting, pause_s=0.002), lambda text: None) as workers:
        responses = list(workers.generate(requests_for(4, 20)))
    thread.join(30)
    assert not thread.is_alive()
    assert sorted(workers.devices) == ["rank 0", "rank 1"]
    assert {r.text.split()[1] for r in responses} == {"d0", "placed-wanted"}
    assert len(responses) == 80


def test_a_rank_that_reaches_nobody_names_where_it_tried():
    with pytest.raises(CliError, match=r"rank 1 can't reach the leading process at 127\.0\.0\.1:9"):
        connect(WorkerAddress("127.0.0.1", 9, "secret"), "rank 1")


def test_nodes_of_a_cluster_share_requests_and_one_may_be_lost(ray):
    remarks: list[str] = []
    with ManyWorkersEngine(
        RaySource(gpus=False, each=2), partial(open_counting, pause_s=0.005), remarks.append
    ) as workers:
        responses, killed = [], None
        for response in workers.generate(requests_for(6, 60)):
            responses.append(response)
            if killed is None and len(responses) == 40:
                killed = int(response.text.split()[0])
                os.kill(killed, signal.SIGKILL)
    assert sorted(r.key for r in responses) == sorted(r.key for r in requests_for(6, 60))
    assert len({r.text for r in responses}) == 2
    assert any("is lost" in remark for remark in remarks)


def test_one_worker_of_a_node_uses_all_its_cores(ray):
    with ManyWorkersEngine(RaySource(gpus=False), open_counting, lambda text: None) as workers:
        assert len(list(workers.generate(requests_for(1, 3)))) == 3
    assert len(workers.devices) == 1


def test_gpus_of_a_cluster_that_has_none(ray):
    with pytest.raises(CliError, match="No node of the Ray cluster has a GPU"):
        ManyWorkersEngine(RaySource(gpus=True), open_counting, lambda text: None).__enter__()


def test_gpus_of_a_cluster_are_not_ignored_silently(ray, monkeypatch):
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0, "GPU": 8.0})
    with pytest.raises(UsageError, match="has GPUs, and this machine has none") as caught:
        ManyWorkersEngine(RaySource(gpus=False, sure=False), open_counting, lambda text: None).__enter__()
    assert "--device cuda" in caught.value.hint
