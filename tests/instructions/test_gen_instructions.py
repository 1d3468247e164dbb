"""The command as people run it, against a real server: rows, resume after `kill -9`, the cap, Ctrl-C, bad input."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from coma_cli.instructions import parsing
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.records import DroppedRow, Example
from coma_cli.workspace import Workspace
from tests.chat_server import Fail, derived_answer, serving
from tests.requirements import ROOT
from tests.support.command import run_coma, start_coma

COMMAND = "gen-instructions"


@pytest.fixture
def seed(tmp_path) -> Path:
    file = tmp_path / "seed.jsonl"
    write_rows(file, [{"code": f"def total_{n}(values):\n    return sum(values) + {n}"} for n in range(40)])
    return file


def arguments(seed: Path, workspace: Path, url: str, *more: str, num: int = 10) -> list[str]:
    shared = [COMMAND, "--seed-code", str(seed), "--workspace", str(workspace), "--base-url", url, "--num", str(num)]
    return [*shared, "--set", "runtime.first_wait_s=0.01", *more]


def outputs(workspace: Path) -> dict[str, list[dict]]:
    artifact = Workspace(workspace).require_newest(COMMAND)
    return {name: list(read_rows(artifact.file(name))) for name in ("train.jsonl", "validation.jsonl", "dropped.jsonl")}


def answers(workspace: Path) -> int:
    file = workspace / "answers" / "answers.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def manifest(workspace: Path) -> dict:
    return dict(Workspace(workspace).require_newest(COMMAND).manifest)


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def wait_for_answers(process: subprocess.Popen[str], workspace: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while answers(workspace) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"never at {count} answers alive: {process.communicate()[1]}")
        time.sleep(0.005)


def test_rows_come_out_and_are_accounted_for(seed, workspace_root, capsys):
    with serving() as server:
        assert (
            run_coma(arguments(seed, workspace_root, server.base_url, "--json", "--model", "gpt-3.5-turbo", num=30))
            == 0
        )
        assert server.log.calls == 60
    summary = json.loads(capsys.readouterr().out)
    made = outputs(workspace_root)
    rows = [Example.from_row(row, "train") for row in made["train.jsonl"] + made["validation.jsonl"]]
    assert len(rows) + len(made["dropped.jsonl"]) == 30 == summary["code_functions"]
    assert (summary["train"], summary["validation"]) == (len(made["train.jsonl"]), len(made["validation.jsonl"]))
    assert (summary["calls"], summary["calls_this_start"], summary["model"]) == (60, 60, "gpt-3.5-turbo")
    expected = (summary["prompt_tokens"] * 0.5 + summary["completion_tokens"] * 1.5) / 1e6
    assert summary["usd"] == pytest.approx(expected) and summary["usd"] > 0
    written = manifest(workspace_root)
    assert written["cost_usd"] == summary["usd"] and written["work"]["done_since_start"] == 60
    for row in rows:
        compile(row.output, row.id, "exec")
        assert row.instruction.startswith("Write a Python program")


def test_the_second_time_nothing_is_done(seed, workspace_root, capsys):
    with serving() as server:
        command = arguments(seed, workspace_root, server.base_url)
        assert run_coma(command) == 0
        first = manifest(workspace_root)
        assert run_coma(command) == 0
        assert manifest(workspace_root) == first and server.log.calls == 20


def test_more_are_added_and_nothing_is_paid_twice(seed, workspace_root):
    with serving() as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=8)) == 0
        few = outputs(workspace_root)
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=20)) == 0
        more = outputs(workspace_root)
        assert server.log.calls == 40 and max(server.log.received.values()) == 1
    assert len(list((workspace_root / COMMAND).iterdir())) == 1
    for name in few:
        assert {row["id"] for row in few[name]} <= {row["id"] for row in more[name]}


def test_other_settings_are_another_run_and_use_the_same_answers(seed, workspace_root):
    with serving() as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url)) == 0
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--set", "filters.min_words=9")) == 0
        assert server.log.calls == 20, "a filter is no reason to ask again"
        assert len(list((workspace_root / COMMAND).iterdir())) == 2
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--set", "round_two.temperature=0.9")) == 0
        assert server.log.calls == 30, "only the second round is another"


def test_another_server_of_the_same_model_name_is_asked_anew_unless_it_is_the_same(seed, workspace_root):
    with serving() as one, serving() as other:
        assert run_coma(arguments(seed, workspace_root, one.base_url, num=4)) == 0
        assert run_coma(arguments(seed, workspace_root, other.base_url, "--same-as", one.base_url, num=4)) == 0
        assert (one.log.calls, other.log.calls) == (8, 0)
        assert run_coma(arguments(seed, workspace_root, other.base_url, num=4)) == 0
        assert other.log.calls == 8
    assert len(list((workspace_root / COMMAND).iterdir())) == 2


def test_the_recipe_of_codecapybara_requests_the_function_made_runnable_and_no_main_part(seed, workspace_root):
    with serving() as server:
        recipe = ("--config", "codecapybara", "--set", "num=3")
        assert run_coma(arguments(seed, workspace_root, server.base_url, *recipe, num=3)) == 0
        second = [body for body in server.log.bodies if "no main function" in body["messages"][-1]["content"]]
    assert len(second) == 3 and all("def total_" in body["messages"][-1]["content"] for body in second)
    assert all(body["temperature"] == 1.0 and "top_p" not in body for body in server.log.bodies)
    rows = [row for name in ("train.jsonl", "validation.jsonl") for row in outputs(workspace_root)[name]]
    assert rows and all("lines 1 to 2 of the answer" in row["origin"]["detail"] for row in rows)


def test_a_model_that_openai_shut_down_stops_before_anything_is_sent(seed, workspace_root, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    command = [COMMAND, "--seed-code", str(seed), "--workspace", str(workspace_root), "--num", "2"]
    for line in (command, [*command, "--dry-run"]):
        assert run_coma(line) != 0
        shown = " ".join(capsys.readouterr().err.split())
        assert "OpenAI shut gpt-3.5-turbo down on 2026-10-23." in shown and "--model gpt-5.6-terra" in shown


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_the_day_that_the_server_shuts_the_model_down_is_said(seed, workspace_root, capsys, more):
    with serving(models=[{"id": "gpt-3.5-turbo", "shutdown_date": "2027-03-01"}]) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, *more, num=2)) == 0
    assert "shuts gpt-3.5-turbo down on 2027-03-01" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_killed_run_loses_only_the_calls_in_flight(seed, workspace_root, tmp_path):
    log = tmp_path / "calls.jsonl"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.chat_server", "--latency", "0.06", "--log", str(log)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        url = server.stdout.readline().strip()
        extra = ("--set", "runtime.concurrency=3", "--model", "gpt-4o-mini", "--max-usd", "1")
        whole = tmp_path / "whole"
        finish(start_coma(arguments(seed, whole, url, *extra)))
        log.unlink()
        killed = 0
        for point in (4, 11):
            process = start_coma(arguments(seed, workspace_root, url, *extra))
            wait_for_answers(process, workspace_root, point)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        finish(start_coma(arguments(seed, workspace_root, url, *extra)))
        events = list(read_rows(log))
    finally:
        server.kill()
        server.communicate()
    received = Counter(e["request"] for e in events if e["event"] == "received")
    assert len(received) == 20
    assert sum(received.values()) - 20 <= 3 * killed, "asked again: at most what was in flight at each kill"
    assert manifest(workspace_root)["content_sha256"] == manifest(whole)["content_sha256"]
    assert manifest(workspace_root)["work"]["done_since_start"] <= 20 - 11
    lost = Workspace(workspace_root).require_newest(COMMAND).summary["usd_for_lost_answers"]
    # Whoever is killed does not know whether the server has what was on its way, so it counts as paid for.
    assert lost > 0 or sum(received.values()) == 20, "what was in flight at a kill counts against the cap"


@pytest.mark.slow
def test_ctrl_c_is_quick_and_keeps_what_arrives(seed, workspace_root):
    with serving(latency_s=0.3) as server:
        command = arguments(seed, workspace_root, server.base_url, "--set", "runtime.concurrency=4", num=40)
        process = start_coma(command)
        wait_for_answers(process, workspace_root, 4)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 130 and "Traceback" not in errors, errors
        assert time.monotonic() - began < 5
        time.sleep(0.4)
        assert answers(workspace_root) == server.log.calls, "calls in flight were waited for"
        before = server.log.calls
        server.latency_s = 0.0
        assert run_coma(command) == 0
        assert server.log.calls == 80 and before < 80


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_server_that_hangs(seed, workspace_root):
    with serving(latency_s=60) as server:
        process = start_coma(arguments(seed, workspace_root, server.base_url, num=4))
        deadline = time.monotonic() + 30
        while server.log.calls < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in errors, errors
    assert time.monotonic() - began < 6


@pytest.mark.slow
def test_runs_side_by_side_pay_once(seed, workspace_root):
    with serving(latency_s=0.1) as server:
        runs = [
            start_coma(arguments(seed, workspace_root, server.base_url, "--set", f"filters.min_words={n}", num=15))
            for n in (5, 6)
        ]
        for process in runs:
            finish(process)
        assert server.log.calls == 30 and len(server.log.received) == 30


def test_the_cap_stops_the_run_and_a_higher_one_goes_on(seed, workspace_root, capsys):
    prices = {"input": 0.5e-6, "output": 1.5e-6}
    with serving(latency_s=0.002) as server:
        command = arguments(seed, workspace_root, server.base_url, "--model", "gpt-3.5-turbo", num=20)
        assert run_coma([*command, "--max-usd", "0.006"]) == 5
        message = " ".join(capsys.readouterr().err.split())
        assert (
            "budget of $0.006 is reached" in message and "--max-usd" in message and "code functions are done" in message
        )
        bodies = list(server.log.bodies)
        bill = sum(
            sum(len(m["content"].encode()) for m in body["messages"]) // 4 * prices["input"]
            + len(derived_answer(body).encode()) // 4 * prices["output"]
            for body in bodies
        )
        assert 0.002 < bill <= 0.006
        assert 4 <= server.log.calls < 40
        assert Workspace(workspace_root).newest(COMMAND) is None, "a stopped run is not finished"
        assert run_coma([*command, "--max-usd", "0.006"]) == 5, "the cap is for all starts together"
        assert len(server.log.bodies) - len(bodies) <= 2
        assert run_coma([*command, "--max-usd", "1"]) == 0
        assert max(server.log.received.values()) == 1
    made = outputs(workspace_root)
    assert sum(map(len, made.values())) == 20


def test_a_stopped_run_can_be_finished_smaller(seed, workspace_root, capsys):
    with serving() as server:
        command = arguments(seed, workspace_root, server.base_url, "--model", "gpt-3.5-turbo", num=20)
        extra = ["--max-usd", "0.006", "--set", "runtime.concurrency=2"]
        assert run_coma([*command, *extra]) == 5
        message = " ".join(capsys.readouterr().err.split())
        first = int(message.partition("Or --num ")[2].partition(":")[0])
        calls = server.log.calls
        assert run_coma([*command, *extra, "--num", str(first)]) == 0
        assert server.log.calls == calls
    assert sum(map(len, outputs(workspace_root).values())) == first


def test_a_cap_needs_a_price(seed, workspace_root, capsys):
    with serving() as server:
        command = arguments(seed, workspace_root, server.base_url, "--model", "my-own", "--max-usd", "1")
        assert run_coma(command) == 2
        assert "price.input_usd_per_mtok" in capsys.readouterr().err
        assert server.log.calls == 0
        prices = ("--set", "price.input_usd_per_mtok=0", "--set", "price.output_usd_per_mtok=0")
        assert run_coma([*command, *prices]) == 0


def test_a_dry_run_counts_and_sends_nothing(seed, workspace_root, capsys):
    with serving() as server:
        command = arguments(seed, workspace_root, server.base_url, "--model", "gpt-3.5-turbo", "--dry-run", "--json")
        assert run_coma(command) == 0
        plan = json.loads(capsys.readouterr().out)
        assert server.log.calls == 0 and not workspace_root.exists()
        estimate = plan["estimate"]
        assert plan["calls"] == estimate["calls"] == 20
        assert 0 < estimate["usd"] < estimate["usd_at_most"] and estimate["seconds"] > 0
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--model", "gpt-3.5-turbo", "--json")) == 0
        summary = json.loads(capsys.readouterr().out)
    assert summary["usd"] <= estimate["usd_at_most"]
    assert summary["prompt_tokens"] < 2 * estimate["prompt_tokens"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (["--base-url", "localhost:8000"], 2, "is not a URL"),
        (["--engine", "carrier-pigeon"], 2, "engine"),
        (["--seed-code", "no/such/place"], 3, "no file, folder or build-data run no/such/place"),
        (["--set", "languages=[cobol]"], 2, "No code function is in cobol"),
        (["--set", "round_one.temperatur=1"], 2, "did you mean"),
        (["--max-usd", "-1"], 2, "max_usd"),
        (["--num", "0"], 2, "num"),
        (["--lang", "fr"], 2, "text_language"),
    ],
)
def test_what_cannot_run_says_so_before_anything_is_sent(seed, workspace_root, capsys, change, code, words):
    with serving() as server:
        assert run_coma([*arguments(seed, workspace_root, server.base_url, "--dry-run"), *change]) == code
        assert server.log.calls == 0
    assert words in " ".join(capsys.readouterr().err.split())


def test_no_key_and_no_server(seed, workspace_root, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    command = [COMMAND, "--seed-code", str(seed), "--workspace", str(workspace_root), "--dry-run"]
    assert run_coma(command) == 2
    assert "OPENAI_API_KEY is not set" in capsys.readouterr().err


def test_no_seed_code_and_no_build_data(workspace_root, capsys):
    assert run_coma([COMMAND, "--workspace", str(workspace_root), "--base-url", "http://localhost:1/v1"]) == 3
    assert "no finished build-data run" in " ".join(capsys.readouterr().err.split())


def test_the_key_is_in_no_file_and_no_output(seed, workspace_root, capsys, monkeypatch):
    secret = "sk-do-not-write-me-down"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    with serving(fails={1: Fail(500, f"bad key {secret}?")}) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=3)) == 0
        assert {h["Authorization"] for h in server.log.headers} == {f"Bearer {secret}"}
    shown = capsys.readouterr()
    assert secret not in shown.out + shown.err
    for file in workspace_root.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_a_refused_key_stops_at_once(seed, workspace_root, capsys):
    with serving(every=Fail(401, "bad key")) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=40)) == 2
        assert server.log.calls <= 16
    assert "rejected the key" in capsys.readouterr().err


def test_failed_calls_are_asked_again_by_the_same_command(seed, workspace_root, capsys):
    extra = ("--set", "runtime.attempts=1", "--set", "runtime.concurrency=1")
    with serving(fails={2: Fail(500), 5: Fail(503)}) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, *extra, num=6)) == 1
        assert "2 of 6 code functions have a call without an answer" in " ".join(capsys.readouterr().err.split())
        assert Workspace(workspace_root).newest(COMMAND) is None
        assert run_coma(arguments(seed, workspace_root, server.base_url, *extra, num=6)) == 0
        assert sum(server.log.answered.values()) == 12
    assert sum(map(len, outputs(workspace_root).values())) == 6


def test_a_broken_line_among_the_answers_is_named_counted_and_asked_again(seed, workspace_root, capsys):
    with serving() as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=5)) == 0
        first = manifest(workspace_root)["content_sha256"]
        file = workspace_root / "answers" / "answers.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        lines[3] = lines[3][:50] + b"\x00\n"
        file.write_bytes(b"".join(lines))
        capsys.readouterr()
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--force", "--json", num=5)) == 0
        assert server.log.calls == 11
    shown = capsys.readouterr()
    assert json.loads(shown.out)["corrupt_answer_lines"] == 1
    assert "answers.jsonl:4" in shown.err.replace("\n", "")
    assert manifest(workspace_root)["content_sha256"] == first


def test_bad_answers_are_dropped_with_their_reason(seed, workspace_root):
    def sloppy(body):
        whole = derived_answer(body)
        choice = body["seed"] % 4
        if "<instruction>" in body["messages"][-1]["content"]:
            return whole if choice else "I'm sorry, I can't."
        return whole if choice else whole.replace("def ", "deff ")

    with serving(answer=sloppy) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=40)) == 0
    made = outputs(workspace_root)
    dropped = [DroppedRow.from_row(row, "dropped") for row in made["dropped.jsonl"]]
    reasons = Counter(row.reason for row in dropped)
    assert set(reasons) == {"refusal", "does-not-parse"} and len(made["train.jsonl"]) + len(
        made["validation.jsonl"]
    ) == 40 - len(dropped)
    assert all(row.row["code"].startswith("def total_") for row in dropped)


def test_each_round_and_the_card_say_what_came_of_every_function(seed, workspace_root):
    with serving(answer=half_refused) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=20)) == 0
    artifact = Workspace(workspace_root).require_newest(COMMAND)
    first, second = (list(read_rows(artifact.file(f"round{number}.jsonl"))) for number in (1, 2))
    assert len(first) == 20
    refused = {row["id"] for row in first if row["state"] == "refused"}
    assert 0 < len(refused) < 20 and {row["reason"] for row in first if row["id"] in refused} == {"refusal"}
    assert {row["id"] for row in second} == {row["id"] for row in first} - refused
    stored = {row["request_sha256"]: row["text"] for row in read_rows(workspace_root / "answers" / "answers.jsonl")}
    for row in (*first, *second):
        assert row["state"] == "refused" or row["text"] in stored[row["answer"]]
    card, summary = (artifact.path / "card.md").read_text(), artifact.summary
    assert f"| Python | 20 | {20 - len(refused)} ({(20 - len(refused)) / 20:.0%}) |" in card
    assert f"| refusal | {len(refused)} | the model declined to answer |" in card
    assert f"{summary['train']} training rows" in card and f"{summary['calls']} paid calls" in card
    assert "card.md" not in artifact.manifest["outputs"], "costs are no content"


def half_refused(body):
    """Declines half of the functions, by their code alone."""
    prompt = body["messages"][-1]["content"]
    refused = "<instruction>" in prompt and body["seed"] % 2
    return "I'm sorry, I can't." if refused else derived_answer(body)


def test_functions_are_used_until_as_many_rows_are_kept(seed, workspace_root, capsys):
    with serving(answer=half_refused) as server:
        command = arguments(seed, workspace_root, server.base_url)
        command = [*command[: command.index("--num")], *command[command.index("--num") + 2 :], "--json"]
        assert run_coma([*command, "--num-kept", "6"]) == 0
        few = json.loads(capsys.readouterr().out)
        assert 6 <= few["train"] + few["validation"] <= 6 + 8 and few["code_functions"] > 6
        calls = server.log.calls
        assert calls < 80, "not all functions are needed"
        assert run_coma([*command, "--num-kept", "12"]) == 0
        more = json.loads(capsys.readouterr().out)
        assert more["train"] + more["validation"] >= 12 and max(server.log.received.values()) == 1
        assert len(list((workspace_root / COMMAND).iterdir())) == 1
        assert run_coma([*command, "--num-kept", "39"]) == 0
        shown = capsys.readouterr()
        assert "of 40 code functions are kept, not 39: there are no more" in " ".join(shown.err.split())
        assert json.loads(shown.out)["code_functions"] == 40


def test_a_number_of_functions_limits_a_number_of_rows(seed, workspace_root, capsys):
    with serving(answer=half_refused) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--num-kept", "30", num=12)) == 0
        assert sum("<instruction>" in body["messages"][-1]["content"] for body in server.log.bodies) == 12
    assert "not 30: --num" in " ".join(capsys.readouterr().err.split())


def test_several_functions_share_a_request_and_each_has_its_own_instruction(seed, workspace_root):
    extra = ("--functions-per-request", "4", "--set", "filters.checks=[]", "--set", "near.enabled=false")
    with serving() as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, *extra, num=8)) == 0
        first = [body for body in server.log.bodies if "response_format" in body]
        assert len(first) == 2 and server.log.calls == 10 and all(body["max_tokens"] == 1200 for body in first)
        assert run_coma(arguments(seed, workspace_root, server.base_url, *extra, num=10)) == 0
        assert server.log.calls == 15 and max(server.log.received.values()) == 1, "12 functions in 3 requests"
    rows = [row for name in ("train.jsonl", "validation.jsonl") for row in outputs(workspace_root)[name]]
    assert len(rows) == 12
    assert all(row["id"].rpartition("/")[2][:8] in row["instruction"] for row in rows)


def test_a_server_without_json_schemas_is_asked_without_one(seed, workspace_root, capsys):
    def refuse(body):
        return Fail(400, "'response_format' is not supported by this model") if "response_format" in body else None

    extra = ("--functions-per-request", "4", "--set", "runtime.concurrency=1")
    with serving(refuse=refuse) as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, *extra, num=8)) == 0
        assert sum("response_format" in body for body in server.log.bodies) == 1
    assert "refuses 'response_format'" in " ".join(capsys.readouterr().err.split())


def test_stored_answers_are_parsed_again_without_a_call(seed, workspace_root, capsys, monkeypatch):
    with serving() as server:
        command = arguments(seed, workspace_root, server.base_url)
        assert run_coma(command) == 0
        before = outputs(workspace_root)
        calls = server.log.calls
        read = parsing.instruction_in

        def better(response):
            """A parser that reads all instructions otherwise, so that each request of round two is another one."""
            found = read(response)
            return parsing.Taken(f"{found.text} Python it is.") if isinstance(found, parsing.Taken) else found

        monkeypatch.setattr("coma_cli.instructions.code_functions.instruction_in", better)
        assert run_coma([*command, "--reparse"]) == 0
        after = outputs(workspace_root)
        rows = {row["id"]: row for name in ("train.jsonl", "validation.jsonl") for row in after[name]}
        old = {row["id"]: row for name in ("train.jsonl", "validation.jsonl") for row in before[name]}
        assert rows.keys() == old.keys() and server.log.calls == calls
        for name, row in rows.items():
            assert row["instruction"] == old[name]["instruction"] + " Python it is."
            assert (row["output"], row["made_by"]) == (old[name]["output"], old[name]["made_by"])
        assert run_coma([*arguments(seed, workspace_root, server.base_url, num=12), "--reparse"]) == 0
        assert server.log.calls == calls
        assert [row["reason"] for row in outputs(workspace_root)["dropped.jsonl"]].count("not-stored") == 2


def test_a_folder_of_code_is_seed_code(workspace_root, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.py").write_text("\n\n".join(f"def f{n}(a):\n    return a + {n}\n" for n in range(8)))
    with serving() as server:
        command = [COMMAND, "--from-repo", tmp_path / "mine", "--workspace", workspace_root]
        assert run_coma([*command, "--base-url", server.base_url, "--num-per-language", "5"]) == 0
    rows = [row for name in ("train.jsonl", "validation.jsonl") for row in outputs(workspace_root)[name]]
    assert rows and all(row["origin"]["path"] == "a.py" for row in rows)
    assert "5 of 8 code functions" in " ".join(capsys.readouterr().err.split())
    assert run_coma([*command, "--seed-code", "x", "--dry-run"]) == 2
    assert "only one of" in capsys.readouterr().err


def test_a_run_without_one_good_row_is_no_success(seed, workspace_root, capsys):
    with serving(finish_reason="length") as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, num=4)) == 1
    message = " ".join(capsys.readouterr().err.split())
    assert "No row was accepted" in message and "truncated 4" in message
    assert Workspace(workspace_root).newest(COMMAND) is None


def test_chinese_rows(seed, workspace_root):
    with serving() as server:
        assert run_coma(arguments(seed, workspace_root, server.base_url, "--lang", "cn", num=6)) == 0
    rows = outputs(workspace_root)["train.jsonl"]
    assert rows and all(row["text_language"] == "cn" and "编写" in row["instruction"] for row in rows)


def test_the_shipped_settings_parse(seed, workspace_root, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    files = sorted((ROOT / "configs" / COMMAND).glob("*.yaml"))
    assert len(files) >= 2
    for file in files:
        command = [COMMAND, "--config", str(file), "--seed-code", str(seed), "--workspace", str(workspace_root)]
        assert run_coma([*command, "--dry-run", "--model", "gpt-4o-mini"]) == 0, file
