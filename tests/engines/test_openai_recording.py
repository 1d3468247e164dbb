"""Booking in batches: reserved before it is sent, stored before it is settled, nothing granted beyond the budget."""

import asyncio
import threading

import pytest

from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.openai_recording import PaidCall, Recorder
from coma_cli.engines.replies import BadReplyError
from coma_cli.errors import BudgetReachedError

BODY = b'{"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'


def call(number: int) -> PaidCall:
    content = {"model": "m", "messages": [{"role": "user", "content": f"q {number}"}], "max_new_tokens": 64}
    return PaidCall(content, f"{number:064x}", 10)


class Books:
    """A meter and a journal that write down what happens, in order, and on which thread."""

    def __init__(self, room: int = 1000) -> None:
        self.room, self.open, self.events = room, 0, []
        self.threads: set[str] = set()

    def note(self, *event) -> None:
        self.events.append(event)
        self.threads.add(threading.current_thread().name)

    def reserve(self, key, prompt, completion):
        self.note("reserve", key, prompt, completion)
        if self.open >= self.room:
            return None
        self.open += 1
        return key

    def settle(self, ticket, prompt, completion):
        self.open -= 1
        self.note("settle", ticket, prompt, completion)

    def release(self, ticket, error):
        self.open -= 1
        self.note("release", ticket, error)

    def forfeit(self, ticket, error):
        self.open -= 1
        self.note("forfeit", ticket, error)

    def exhausted(self):
        return BudgetReachedError("no more", "raise it")

    def append_all(self, answers):
        self.note("append", *(answer.key for answer in answers))


def run(books: Books, scene):
    async def whole():
        recorder = Recorder(books, books, TokenCounter(None))
        try:
            return await scene(recorder)
        finally:
            await recorder.close()

    return asyncio.run(asyncio.wait_for(whole(), 10))


def test_an_answer_is_stored_before_it_is_settled_on_a_thread_of_its_own():
    books = Books()

    async def scene(recorder):
        ticket = await recorder.reserve(call(1))
        return await recorder.answered(call(1), ticket, BODY, frozenset({"seed"}))

    answer = run(books, scene)
    assert (answer.text, answer.prompt_tokens, answer.not_sent) == ("yes", 3, ("seed",))
    key = call(1).key
    assert [event for event in books.events if len(event) > 1] == [
        ("reserve", key, 10, 64),
        ("append", key),
        ("settle", key, 3, 2),
    ]
    assert len(books.threads) == 1 and books.threads != {threading.current_thread().name}


def test_what_comes_together_is_written_together():
    books = Books()

    async def scene(recorder):
        tickets = await asyncio.gather(*(recorder.reserve(call(n)) for n in range(50)))
        await asyncio.gather(*(recorder.answered(call(n), tickets[n], BODY, frozenset()) for n in range(50)))

    run(books, scene)
    writes = [event for event in books.events if event[0] == "append" and len(event) > 1]
    assert len(writes) <= 5 and sum(len(event) - 1 for event in writes) == 50


def test_a_reservation_that_does_not_fit_waits_for_a_call_to_end():
    books = Books(room=2)

    async def scene(recorder):
        tickets = [await recorder.reserve(call(n)) for n in range(2)]
        third = asyncio.create_task(recorder.reserve(call(2)))
        await asyncio.sleep(0.05)
        assert not third.done()
        await recorder.failed(tickets[0], "429", maybe_paid=False)
        assert await third == call(2).key
        await recorder.failed(tickets[1], "torn", maybe_paid=True)

    run(books, scene)
    assert [event[0] for event in books.events if event[0] in ("release", "forfeit")] == ["release", "forfeit"]


def test_without_room_for_a_single_call_the_budget_ends_it_and_the_rest_gets_nothing():
    async def scene(recorder):
        return await asyncio.gather(*(recorder.reserve(call(n)) for n in range(3)), return_exceptions=True)

    first, *rest = run(Books(room=0), scene)
    assert isinstance(first, BudgetReachedError) and rest == [None, None]


def test_once_stopped_nothing_is_granted():
    async def scene(recorder):
        ticket = await recorder.reserve(call(0))
        waiting = asyncio.create_task(recorder.reserve(call(1)))
        await asyncio.sleep(0.02)
        recorder.stop()
        assert await waiting is None and await recorder.reserve(call(2)) is None
        return await recorder.answered(call(0), ticket, BODY, frozenset())

    assert run(Books(room=1), scene).text == "yes"


def test_a_body_that_is_no_answer_leaves_its_ticket_open():
    books = Books()

    async def scene(recorder):
        ticket = await recorder.reserve(call(0))
        with pytest.raises(BadReplyError):
            await recorder.answered(call(0), ticket, b"<html>", frozenset())

    run(books, scene)
    assert books.open == 1 and not [event for event in books.events if event[0] == "append" and len(event) > 1]


def test_a_disk_that_is_full_is_raised_where_the_answer_is_awaited():
    class Full(Books):
        def append_all(self, answers):
            raise OSError(28, "no space")

    async def scene(recorder):
        ticket = await recorder.reserve(call(0))
        await recorder.answered(call(0), ticket, BODY, frozenset())

    books = Full()
    with pytest.raises(OSError, match="no space"):
        run(books, scene)
    assert books.open == 1, "not settled: at the next start it counts as lost"
