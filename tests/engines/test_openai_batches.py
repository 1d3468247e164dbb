"""Batches against a provider that plays them: split, partial failure, expiry, kills, the cap; nothing paid twice."""

import itertools
import signal
import time
from pathlib import Path

import pytest

from coma_cli.engines import openai_batches as module
from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.batch_records import BatchBook, keys_at_servers
from coma_cli.engines.chat import Connection
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.openai_engine import OpenAIEngine
from coma_cli.errors import BudgetReachedError, CliError, UsageError
from coma_cli.instructions.budget import Budget, Call, Price
from coma_cli.journal import Journal
from coma_cli.jsonl import read_rows, write_rows
from tests.provider import providing, state_of
from tests.support.command import start_coma

HALF_PRICE = Price(0.25, 0.75)


def requests(count: int, **changes) -> list[GenerationRequest]:
    return [
        GenerationRequest(f"r{n}", Decoding(0.5, 1.0, 0, 64), n, instruction=f"question {n}", **changes)
        for n in range(count)
    ]


def ask(folder: Path, url: str, count: int, *, max_usd: float | None = None, **changes) -> tuple[dict, Budget]:
    """Answers by key, and the budget after them; the ledger is `ledger.jsonl` of the folder."""
    settings = {"base_url": url, "batch_api": True, "batch_poll_s": 0.02, "first_wait_s": 0.01, **changes}
    with AnswerJournal(folder) as answers, Journal.open(folder / "ledger.jsonl", Call) as ledger:
        budget = Budget.from_ledger(ledger, HALF_PRICE, max_usd, answers, keys_at_servers(folder))
        engine = OpenAIEngine("test-model", Connection(**settings), answers=answers, meter=budget)
        return {response.key: response for response in engine.generate(requests(count))}, budget


def check_bill(url: str, budget: Budget) -> dict:
    seen = state_of(url)
    assert budget.spent_usd == pytest.approx(seen["billed"]["usd"]) and budget.open == 0
    return seen["batches"]


def test_requests_are_split_collected_and_billed_at_half_the_price(tmp_path):
    with providing() as url:
        found, budget = ask(tmp_path, url, 25, batch_requests=10)
        seen = check_bill(url, budget)
        assert [batch["request_counts"]["completed"] for batch in seen["batches"]] == [10, 10, 5]
        assert set(seen["asked"].values()) == {1} and len(found) == 25
        assert all(r.finish_reason == "eos" and r.text.startswith("Answer") for r in found.values())
        again, _ = ask(tmp_path, url, 25)
        assert again == found and len(state_of(url)["batches"]["batches"]) == 3
        one_by_one, _ = ask(tmp_path, url, 25, batch_api=False)
        assert one_by_one == found and not state_of(url)["received"], "an answer is an answer"


def test_a_file_is_split_by_its_size_too(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 3_000)
    with providing() as url:
        found, _ = ask(tmp_path, url, 30)
        files = state_of(url)["batches"]["files"]
    assert len(found) == 30 and max(files["file-0"], files["file-2"]) <= 3_000 < 30 * 200


def test_what_fails_in_part_is_free_and_sent_again(tmp_path):
    with providing(batch={"fails": 0.3}) as url:
        found, budget = ask(tmp_path, url, 40)
        seen = check_bill(url, budget)
    assert all(r.finish_reason == "eos" for r in found.values()) and len(found) == 40
    assert set(seen["answered"].values()) == {1} and max(seen["asked"].values()) > 1


def test_what_is_finished_of_an_expired_batch_is_charged_and_kept(tmp_path):
    with providing(batch={"expires": 1}) as url:
        found, budget = ask(tmp_path, url, 20)
        seen = check_bill(url, budget)
    assert [batch["status"] for batch in seen["batches"]] == ["expired", "completed"]
    assert [batch["request_counts"]["completed"] for batch in seen["batches"]] == [10, 10]
    assert len(found) == 20 and set(seen["answered"].values()) == {1}


def test_a_request_that_never_succeeds_is_an_error(tmp_path):
    with providing(batch={"fails": 1.0}) as url:
        found, budget = ask(tmp_path, url, 3, attempts=2)
        assert {r.finish_reason for r in found.values()} == {"error"} and "by chance" in found["r0"].error
        assert set(check_bill(url, budget)["asked"].values()) == {2} and budget.spent_usd == 0


def test_a_server_without_batches_says_so(tmp_path):
    with providing(batch={"rejects": 100}) as url, pytest.raises(CliError, match="does not take batches"):
        ask(tmp_path, url, 3)


def test_the_cap_holds_for_batches(tmp_path):
    with providing() as url:
        with pytest.raises(BudgetReachedError):
            ask(tmp_path, url, 400, max_usd=0.001)
        billed = state_of(url)["billed"]["usd"]
        assert 0.0005 < billed <= 0.001
        found, budget = ask(tmp_path, url, 400, max_usd=1.0)
        assert len(found) == 400 and set(check_bill(url, budget)["answered"].values()) == {1}


def test_a_batch_whose_id_was_never_heard_is_found_again(tmp_path, monkeypatch):
    whole = BatchBook.note

    def dies(book, record, **changes):
        if changes.get("state") == "started":
            raise KeyboardInterrupt
        return whole(book, record, **changes)

    with providing() as url:
        monkeypatch.setattr(BatchBook, "note", dies)
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path, url, 12)
        assert len(keys_at_servers(tmp_path)) == 12
        monkeypatch.setattr(BatchBook, "note", whole)
        found, budget = ask(tmp_path, url, 12)
        seen = check_bill(url, budget)
    assert len(found) == 12 and len(seen["batches"]) == 1 and set(seen["asked"].values()) == {1}


def test_a_run_without_batches_collects_them_first(tmp_path, monkeypatch):
    def dies(self, record):
        raise KeyboardInterrupt

    with providing() as url:
        with monkeypatch.context() as patched:
            patched.setattr(module.time, "sleep", lambda seconds: dies(None, None))
            with pytest.raises(KeyboardInterrupt):
                ask(tmp_path, url, 12)
        found, budget = ask(tmp_path, url, 14, batch_api=False)
        assert len(found) == 14 and sum(state_of(url)["received"].values()) == 2
        assert budget.open == 0 and set(state_of(url)["batches"]["answered"].values()) == {1}


def test_two_runs_with_batches_in_one_workspace_are_refused(tmp_path):
    with module.opened(tmp_path), pytest.raises(UsageError, match="Another run"):
        ask(tmp_path, "http://127.0.0.1:1/v1", 1)


@pytest.mark.slow
def test_a_command_that_is_killed_while_it_waits_goes_on_waiting(tmp_path):
    seeds, workspace = tmp_path / "seed.jsonl", tmp_path / "workspace"
    write_rows(seeds, [{"code": f"def total_{n}(values):\n    return sum(values) + {n}"} for n in range(60)])
    with providing(batch={"slow_polls": 30, "fails": 0.1, "expires": 1}) as url:
        command = ["gen-instructions", "--seed-code", seeds, "--workspace", workspace, "--base-url", url, "--num", "60"]
        command += ["--model", "gpt-3.5-turbo", "--max-usd", "1", "--batch-api", "--set", "runtime.batch_poll_s=0.05"]
        for delay in itertools.chain((0.05, 0.4, 0.9, 0.1), itertools.repeat(None)):
            process = start_coma(list(map(str, command)))
            before = len(state_of(url)["batches"]["files"])
            while delay is not None and process.poll() is None and len(state_of(url)["batches"]["files"]) == before:
                time.sleep(0.01)
                if before:
                    break
            if delay is not None:
                time.sleep(delay + (1.5 if before else 0))
                process.send_signal(signal.SIGKILL)
            _, errors = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), errors
            if process.returncode == 0:
                break
        seen = state_of(url)
    (ledger,) = (workspace / "gen-instructions").glob("*/ledger.jsonl")
    rows = {row["id"]: row for row in read_rows(ledger)}
    assert sum(row["usd"] for row in rows.values()) == pytest.approx(seen["billed"]["usd"])
    assert {row["state"] for row in rows.values()} <= {"answered", "unpaid"}
    assert set(seen["batches"]["answered"].values()) == {1} and not seen["received"]
