"""The chat engine against a real server on a socket: order, failures, limits, and what is paid for how often."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.chat import Connection
from coma_cli.engines.interface import Decoding, GenerationRequest, GenerationResponse
from coma_cli.engines.openai_engine import OpenAIEngine, check_access
from coma_cli.errors import BudgetReachedError, CliError, UsageError
from coma_cli.jsonl import read_rows
from tests.chat_server import ChatServer, Fail, serving
from tests.provider import providing, state_of


def requests(count: int, **changes) -> list[GenerationRequest]:
    decoding = Decoding(0.5, 1.0, 0, 64)
    return [GenerationRequest(f"r{n}", decoding, n, instruction=f"question {n}", **changes) for n in range(count)]


def connection(server: ChatServer, **changes) -> Connection:
    return Connection(**{"base_url": server.base_url, "first_wait_s": 0.01, "timeout_s": 10, **changes})


def ask(server: ChatServer, count: int, *, answers=None, meter=None, **changes) -> dict[str, GenerationResponse]:
    engine = OpenAIEngine("test-model", connection(server, **changes), answers=answers, meter=meter)
    return {response.key: response for response in engine.generate(requests(count))}


class Book:
    """A meter that notes everything and grants at most `calls` calls."""

    def __init__(self, calls: int = 10_000) -> None:
        self.left, self.tickets = calls, 0
        self.in_flight: set[str] = set()
        self.settled: list[tuple[int, int]] = []
        self.released: list[str] = []
        self.forfeited: list[str] = []
        self.bounds: list[tuple[int, int]] = []

    @property
    def open(self) -> int:
        return len(self.in_flight)

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        if self.left <= 0:
            return None
        self.left -= 1
        self.tickets += 1
        self.bounds.append((prompt_tokens, completion_tokens))
        self.in_flight.add(str(self.tickets))
        return str(self.tickets)

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        self.in_flight.remove(ticket)
        self.settled.append((prompt_tokens, completion_tokens))

    def release(self, ticket: str, error: str) -> None:
        self.in_flight.remove(ticket)
        self.released.append(error)
        self.left += 1

    def forfeit(self, ticket: str, error: str) -> None:
        self.in_flight.remove(ticket)
        self.forfeited.append(error)

    def exhausted(self) -> CliError:
        return BudgetReachedError("no more", "raise it")


def test_every_request_gets_its_own_answer():
    with serving() as server:
        found = ask(server, 25)
    assert set(found) == {f"r{n}" for n in range(25)}
    assert len({response.text for response in found.values()}) == 25
    assert all(r.finish_reason == "eos" and r.prompt_tokens > 0 and r.completion_tokens > 0 for r in found.values())


def test_what_is_sent_is_what_was_asked(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_ORG", "org-1")
    with serving() as server:
        engine = OpenAIEngine("test-model", connection(server))
        (response,) = engine.generate(requests(1, system="be brief"))
        (body,), (headers,) = server.log.bodies, server.log.headers
    assert [m["content"] for m in body["messages"]] == ["be brief", "question 0"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("test-model", 0.5, 64)
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["authorization"] == "Bearer sk-secret" and lower["openai-organization"] == "org-1"
    assert response.key == "r0"


def test_calls_run_side_by_side_up_to_the_limit_and_never_more():
    with serving(latency_s=0.05) as server:
        ask(server, 30, concurrency=6)
        assert 3 <= server.log.most_active <= 6


def test_requests_may_follow_from_responses():
    with serving(latency_s=0.01) as server:
        engine = OpenAIEngine("test-model", connection(server, concurrency=3))
        first, follow = requests(6), [GenerationRequest(f"f{n}", Decoding(), n, instruction="f") for n in range(6)]
        ready: list[GenerationRequest] = []

        def line() -> Iterator[GenerationRequest]:
            for request in first:
                while ready:
                    yield ready.pop()
                yield request
            while ready:
                yield ready.pop()

        order = []
        for response in engine.generate(line()):
            order.append(response.key)
            if response.key.startswith("r"):
                ready.append(follow[int(response.key[1:])])
    assert {key for key in order if key[0] == "r"} == {f"r{n}" for n in range(6)}
    assert any(key[0] == "f" for key in order[:-2]), order


def test_an_answer_is_never_asked_for_twice(tmp_path):
    with serving() as server, AnswerJournal(tmp_path) as answers:
        first = ask(server, 8, answers=answers)
        assert server.log.calls == 8
        again = ask(server, 8, answers=answers)
        assert again == first and server.log.calls == 8
    with serving() as other, AnswerJournal(tmp_path) as answers:
        assert ask(other, 8, answers=answers) == first, "another address is no other question"
        assert other.log.calls == 0


def test_equal_requests_in_flight_are_one_call(tmp_path):
    with serving(latency_s=0.1) as server, AnswerJournal(tmp_path) as answers:
        engine = OpenAIEngine("test-model", connection(server), answers=answers)
        same = [GenerationRequest(f"k{n}", Decoding(), 1, instruction="same") for n in range(5)]
        found = list(engine.generate(same))
        assert server.log.calls == 1
    assert {r.key for r in found} == {f"k{n}" for n in range(5)} and len({r.text for r in found}) == 1


def test_two_engines_on_one_workspace_pay_once(tmp_path):
    with serving(latency_s=0.05) as server, AnswerJournal(tmp_path) as one:
        results: list[dict] = []
        threads = [threading.Thread(target=lambda: results.append(ask(server, 10, answers=one))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.log.calls == 10 and results[0] == results[1]


def test_a_429_waits_as_long_as_it_says():
    with serving(fails={1: Fail(429, retry_after="0.4")}) as server:
        found = ask(server, 1)
        first, second = server.log.times
    assert 0.4 <= second - first < 2
    assert found["r0"].finish_reason == "eos"


def test_a_429_makes_everybody_wait():
    with serving(fails={1: Fail(429, retry_after="0.5")}) as server:
        ask(server, 6, concurrency=2)
        began = server.log.times[0]
        assert not [t for t in server.log.times if 0.2 < t - began < 0.45], "nobody asks during the wait"
        assert server.log.calls == 7


def test_a_server_that_takes_few_at_a_time_is_given_few():
    with serving(latency_s=0.03, at_once=2) as server:
        found = ask(server, 40, concurrency=16, attempts=12, first_wait_s=0.05)
        assert all(r.finish_reason == "eos" for r in found.values())
        late = server.log.calls - 16
        assert server.log.refused < 16 + late / 2, (server.log.refused, server.log.calls)


def test_limits_that_only_the_replies_state_are_kept_from_the_first_call_on():
    limits = {"requests_per_minute": 60_000, "tokens_per_minute": 36_000, "burst_s": 0.4}
    with providing(latency_s=0.1, **limits) as url:
        engine = OpenAIEngine("test-model", Connection(base_url=url, concurrency=64))
        found = list(engine.generate(requests(80)))
        seen = state_of(url)
        assert [r.finish_reason for r in found] == ["eos"] * 80
        assert seen["outcomes"] == {"whole": 80}, "a burst of 64 calls is more than the server takes at once"
        assert seen["used"]["tokens"] > 0.8 * 600 * (seen["seconds"] - 0.3), "and the limit is used"
        assert len(list(engine.generate(requests(120)[80:]))) == 40
        assert state_of(url)["outcomes"] == {"whole": 120}, "what was learnt counts for the next requests too"


@pytest.mark.parametrize(
    "fail",
    [Fail(500), Fail(503), Fail(408), Fail(torn=True), Fail(garbage=b"<html>"), Fail(garbage=b"{"), Fail(hang_up=True)],
    ids=["500", "503", "408", "torn", "html", "half", "hang-up"],
)
def test_passing_failures_are_tried_again(fail, tmp_path):
    with serving(fails={1: fail, 2: fail}) as server, AnswerJournal(tmp_path) as answers:
        found = ask(server, 3, answers=answers, concurrency=1)
        assert server.log.calls == 5
        assert len(answers) == 3
    assert all(r.finish_reason == "eos" and r.text.startswith("Answer ") for r in found.values())


def test_a_slow_answer_is_given_up_and_asked_again():
    with serving(fails={1: Fail(sleep_s=1.5)}) as server:
        found = ask(server, 1, timeout_s=0.3)
    assert found["r0"].finish_reason == "eos"


def test_a_call_that_never_succeeds_is_an_error_and_the_others_go_on(tmp_path):
    with (
        serving(fails={n: Fail(500, "broken inside") for n in (1, 2, 3)}) as server,
        AnswerJournal(tmp_path) as answers,
    ):
        found = ask(server, 4, answers=answers, concurrency=1, attempts=3)
        bad = found["r0"]
        assert (bad.finish_reason, bad.permanent) == ("error", False) and "broken inside" in bad.error
        assert [found[f"r{n}"].finish_reason for n in (1, 2, 3)] == ["eos"] * 3
        assert ask(server, 4, answers=answers)["r0"].finish_reason == "eos", "a failure is asked again"
        assert server.log.calls == 7


def test_a_request_that_the_server_refuses_is_not_repeated():
    with serving(fails={1: Fail(400, "context length exceeded")}) as server:
        found = ask(server, 2, concurrency=1)
        assert server.log.calls == 2
    assert found["r0"].permanent and "context length" in found["r0"].error
    assert found["r1"].finish_reason == "eos"


@pytest.mark.parametrize(("status", "word"), [(401, "key"), (403, "key"), (404, "model")])
def test_what_no_call_can_survive_stops_at_once(status, word, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    fail = Fail(status, "Incorrect API key provided: sk-very-secret")
    with serving(every=fail, latency_s=0.02) as server, pytest.raises(UsageError) as caught:
        ask(server, 200, concurrency=4)
    assert word in caught.value.message and "sk-very-secret" not in caught.value.message + caught.value.hint
    assert server.log.calls <= 4


def test_an_empty_account_stops_at_once():
    with serving(every=Fail(429, "You exceeded your quota", code="insufficient_quota")) as server:
        with pytest.raises(CliError, match="no credit"):
            ask(server, 50, concurrency=2)
        assert server.log.calls <= 2


def test_a_server_that_never_answers_is_given_up_after_a_few_calls():
    with serving(every=Fail(500)) as server:
        with pytest.raises(CliError, match="did not answer 5 calls in a row"):
            ask(server, 100, concurrency=1, attempts=2)
        assert server.log.calls == 10


def test_nobody_there(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    book = Book()
    where = Connection(base_url=f"http://127.0.0.1:{port}/v1", first_wait_s=0.01, attempts=2, concurrency=2)
    with pytest.raises(CliError, match="did not answer"):
        list(OpenAIEngine("m", where, meter=book).generate(requests(20)))
    assert book.open == 0 and not book.forfeited, "what never left this machine is not paid for"


def test_answers_without_usage_count_with_their_bound(tmp_path):
    book = Book()
    with serving(usage=False) as server, AnswerJournal(tmp_path) as answers:
        ask(server, 1, answers=answers, meter=book)
    (settled,), (bound,) = book.settled, book.bounds
    assert settled[0] == bound[0] and 0 < settled[1] <= bound[1]


def test_reservations_are_bounds_of_what_the_server_counts():
    book = Book()
    with serving() as server:
        ask(server, 10, meter=book)
    assert max(p for p, _ in book.settled) <= min(p for p, _ in book.bounds)
    assert all(completion == 64 for _, completion in book.bounds)


def test_each_way_to_fail_is_booked_as_what_it_may_cost():
    book = Book()
    fails = {1: Fail(429), 2: Fail(500), 3: Fail(torn=True), 4: Fail(hang_up=True), 5: Fail(garbage=b"?")}
    with serving(fails=fails) as server:
        ask(server, 1, meter=book)
    assert (len(book.released), len(book.forfeited), len(book.settled), book.open) == (2, 3, 1, 0)


def test_when_the_meter_says_no_all_in_flight_is_taken_in_first(tmp_path):
    book = Book(calls=7)
    with serving(latency_s=0.03) as server, AnswerJournal(tmp_path) as answers:
        engine = OpenAIEngine("test-model", connection(server, concurrency=4), answers=answers, meter=book)
        taken: list[GenerationResponse] = []
        with pytest.raises(BudgetReachedError):
            taken.extend(engine.generate(requests(50)))
        assert len(taken) == len(answers) == server.log.calls == 7
        assert book.open == 0


def test_leaving_early_takes_in_what_is_in_flight_and_sends_nothing_more(tmp_path):
    with serving(latency_s=0.2) as server, AnswerJournal(tmp_path) as answers:
        engine = OpenAIEngine("test-model", connection(server, concurrency=4), answers=answers)
        assert len(list(engine.generate(requests(1)))) == 1  # after the first reply, four are sent at once
        with contextlib.closing(engine.generate(requests(50)[1:])) as responses:
            next(responses)
        assert len(answers) == server.log.calls == 5
    assert not [t for t in threading.enumerate() if t.name == "openai-engine"]


def test_an_error_of_the_caller_leaves_no_thread_behind():
    def use(engine: OpenAIEngine) -> None:
        for response in engine.generate(requests(10)):
            raise ZeroDivisionError(response.key)

    with serving() as server, pytest.raises(ZeroDivisionError):
        use(OpenAIEngine("m", connection(server)))
    assert not [t for t in threading.enumerate() if t.name == "openai-engine"]


ECHOED = "Unsupported parameter: '{}' is not supported with this model."


def refusing(*fields: str):
    """A server that takes a call only without some fields; `system` is the role of a message."""

    def refuse(body) -> Fail | None:
        sent = {*body, *(message["role"] for message in body["messages"])}
        return next((Fail(status=400, message=ECHOED.format(name)) for name in fields if name in sent), None)

    return refuse


@pytest.mark.parametrize("field", ["temperature", "seed", "max_tokens", "system"])
def test_a_field_that_the_server_refuses_is_left_out_from_then_on(field, tmp_path, capsys):
    with serving(refuse=refusing(field)) as server, AnswerJournal(tmp_path) as answers:
        engine = OpenAIEngine("m", connection(server, concurrency=1, attempts=1), answers=answers)
        found = list(engine.generate(requests(4, system="be brief")))
        assert [r.finish_reason for r in found] == ["eos"] * 4
        assert server.log.calls == 5, "one refusal, for all calls"
        last = server.log.bodies[-1]
        assert field not in last and all(m["role"] != field for m in last["messages"])
    assert [row["not_sent"] for row in read_rows(answers.path)] == [[field]] * 4
    assert capsys.readouterr().err.count(f"refuses '{field}'") == 1


def test_several_fields_may_be_refused_one_after_the_other():
    book = Book()
    with serving(refuse=refusing("temperature", "seed", "max_tokens")) as server:
        found = ask(server, 6, meter=book)
    assert all(r.finish_reason == "eos" for r in found.values())
    assert len(book.settled) == 6 and not book.forfeited and not book.in_flight


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"detail": "seed must be below 3"}', "422: seed must be below 3"),
        (b'{"error": "bad temperature 9"}', "422: bad temperature 9"),
        (b"plain text, no JSON", "422: plain text, no JSON"),
        (b'{"detail": [{"loc": ["body", "stop"], "msg": "too long"}]}', "422: body.stop: too long"),
    ],
)
def test_what_a_refusal_says_is_shown_and_final(body, shown):
    with serving(every=Fail(status=422, body=body)) as server:
        (response,) = ask(server, 1).values()
        assert server.log.calls == 1
    assert (response.finish_reason, response.error, response.permanent) == ("error", shown, True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "slow", "code": 429}}',
        b'{"choices": [{"message": {"content": null}, "finish_reason": "error", "error": {"code": 502}}]}',
        b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n',
    ],
)
def test_an_error_with_status_200_is_tried_again_and_never_stored(body, tmp_path):
    with serving(fails={1: Fail(garbage=body)}) as server, AnswerJournal(tmp_path) as answers:
        (response,) = ask(server, 1, answers=answers).values()
        assert (response.finish_reason, server.log.calls, len(answers)) == ("eos", 2, 1)
        assert response.text.startswith("Answer")


def test_what_may_have_been_charged_is_booked_as_lost():
    error = b'{"error": {"message": "late", "code": 503}, "usage": {"prompt_tokens": 3, "completion_tokens": 9}}'
    book = Book()
    with serving(fails={1: Fail(garbage=error)}) as server:
        ask(server, 1, meter=book)
    assert (len(book.forfeited), len(book.settled), book.released) == (1, 1, [])


@pytest.mark.parametrize("ending", ["\n", " ", "\r\n"])
def test_a_key_with_a_line_end_works_and_is_in_no_message(monkeypatch, ending, capsys):
    key = "sk-secret-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key + ending)
    with serving(every=Fail(status=422, body=f"no {key} here".encode())) as server:
        (response,) = ask(server, 1).values()
        assert {n.lower(): v for n, v in server.log.headers[0].items()}["authorization"] == f"Bearer {key}"
    shown = capsys.readouterr()
    assert key not in response.error + shown.out + shown.err and "***" in response.error


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://localhost:1"), ("SSL_CERT_FILE", "/nowhere/cert.pem"), ("HTTPS_PROXY", "x:y")],
)
def test_a_proxy_or_certificate_that_cannot_be_used_is_one_message(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with serving() as server, pytest.raises(CliError, match="No connection can be set up") as caught:
        ask(server, 1)
    assert "ALL_PROXY and SSL_CERT_FILE" in caught.value.hint


def test_access_is_checked_before_anything_is_sent(monkeypatch):
    assert "OPENAI_API_KEY" in check_access(Connection()).message
    assert check_access(Connection(base_url="http://localhost:1/v1")) is None
    assert "not a URL" in check_access(Connection(base_url="localhost:1")).message
    secret = check_access(Connection(base_url="https://me:secret@host/v1"))
    assert "password" in secret.message and "secret" not in secret.message + secret.hint
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert check_access(Connection()) is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00fcber")
    assert "no HTTP header" in check_access(Connection(base_url="http://localhost:1/v1")).message
