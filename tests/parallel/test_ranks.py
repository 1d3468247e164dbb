"""Which process of a launcher this is, and how rank 0 tells the others what to do."""

import threading

from coma_cli.parallel.ranks import ProcessRank, announce, announced, forget_rank
from coma_cli.parallel.worker_links import WorkerAddress
from tests.requirements import package

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
