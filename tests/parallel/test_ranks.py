"""Which process of a launcher this is, and how rank 0 tells the others what to do."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from coma_cli.errors import CliError
from coma_cli.parallel.ranks import (
    ProcessRank,
    announce,
    announced,
    call_together,
    called_together,
    fails_first,
    forget_rank,
)
from coma_cli.parallel.worker_links import WorkerAddress
from tests.requirements import ROOT, package

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "node0", "MASTER_PORT": "29500"}


def test_a_rank_is_read_from_the_environment():
    rank = ProcessRank.of_environment({**TORCHRUN, "LOCAL_WORLD_SIZE": "4"})
    assert rank == ProcessRank(number=5, world=8, local=1, local_world=4, master="node0")
    assert not rank.is_on_one_machine
    assert ProcessRank.of_environment(TORCHRUN).is_on_one_machine


def test_one_process_or_none_that_a_launcher_started_has_no_rank():
    assert ProcessRank.of_environment({}) is None
    assert ProcessRank.of_environment({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is None
    assert ProcessRank.of_environment({**TORCHRUN, "MASTER_ADDR": ""}) is None
    assert ProcessRank.of_environment({"RANK": "0", "WORLD_SIZE": "2"}) is None


def test_a_rank_can_be_hidden_from_libraries():
    environment = {**TORCHRUN, "LOCAL_WORLD_SIZE": "4", "HOME": "/"}
    forget_rank(environment)
    assert environment == {"HOME": "/"}


def test_ranks_wait_until_they_are_told_where_to_help():
    package("torch", "train")
    from torch.distributed import HashStore

    store, told = HashStore(), []
    threads = [threading.Thread(target=lambda: told.append(announced(store))) for _ in range(2)]
    for thread in threads:
        thread.start()
    address = WorkerAddress("127.0.0.1", 1234, "secret")
    announce(store, address)
    for thread in threads:
        thread.join(30)
    assert told == [address, address]


def test_ranks_are_told_that_nothing_is_to_be_done():
    package("torch", "train")
    from torch.distributed import HashStore

    store = HashStore()
    announce(store, None)
    assert announced(store) is None


def test_ranks_are_called_to_work_together_or_told_that_nothing_is_to_be_done():
    package("torch", "train")
    from torch.distributed import HashStore

    store = HashStore()
    call_together(store, {"device": "cpu"})
    assert called_together(store) == {"device": "cpu"}
    store = HashStore()
    announce(store, None)
    assert called_together(store) is None


def test_of_the_ranks_that_fail_one_is_the_first():
    package("torch", "train")
    from torch.distributed import HashStore

    store = HashStore()
    assert [fails_first(store, number) for number in (1, 0, 1)] == [True, False, True]


def test_a_store_that_has_ended_means_that_rank_0_has():
    class EndedStore:
        def check(self, keys):
            raise RuntimeError("Broken pipe")

        def compare_set(self, key, expected, value):
            raise RuntimeError("Broken pipe")

    with pytest.raises(CliError, match="Rank 0 has ended"):
        called_together(EndedStore())
    assert fails_first(EndedStore(), 3)


RANK_0 = """
from coma_cli.parallel.ranks import ProcessRank, leading
with leading(ProcessRank.of_environment()):
    pass
"""
RANK_1 = """
from coma_cli.parallel.ranks import ProcessRank, announced
print(announced(ProcessRank.of_environment().store()))
"""


@pytest.mark.slow
def test_ranks_without_a_launcher_are_told_that_nothing_is_to_be_done():
    package("torch", "train")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    common = {**os.environ, **TORCHRUN, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank, script in enumerate([RANK_0, RANK_1])
    ]
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert said == ["", "None\n"]
