"""Connections of workers over the network."""

import time
from dataclasses import replace
from multiprocessing import AuthenticationError

import pytest

from coma_cli.parallel.worker_links import Reception, WorkerAddress, WorkerLink


@pytest.fixture
def reception():
    opened = Reception.open("127.0.0.1")
    yield opened
    opened.close()


def arrived(reception: Reception) -> list[WorkerLink]:
    end = time.monotonic() + 30
    while not (found := reception.arrived()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def test_an_address_is_one_line():
    address = WorkerAddress("10.0.0.7", 4711, "a1b2")
    assert WorkerAddress.of_text(address.to_text()) == address


def test_a_worker_is_let_in_by_its_name(reception):
    connection = reception.address.connect()
    connection.send("rank 3")
    (link,) = arrived(reception)
    assert link.name == "rank 3"
    link.connection.send({"a": 1})
    assert connection.recv() == {"a": 1}
    assert reception.arrived() == []
    link.connection.close()
    assert link.how_it_ended() == "is lost"
    connection.close()


def test_nobody_is_let_in_without_the_secret(reception):
    with pytest.raises((AuthenticationError, OSError, EOFError)):
        replace(reception.address, secret="guessed").connect()
    connection = reception.address.connect()
    connection.send("still open for others")
    (link,) = arrived(reception)
    assert link.name == "still open for others"
    link.connection.close()
    connection.close()


def test_after_closing_nobody_listens():
    reception = Reception.open("127.0.0.1")
    reception.close()
    with pytest.raises(OSError, match="refused"):
        reception.address.connect()
