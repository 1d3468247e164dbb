"""Wordings written by a model: requested, checked, requested again where too few, and taken in by build-data."""

import json
import re

import pytest

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.wordings import read_wordings, tables_of
from coma_cli.dataset.wordings import find_wordings
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.workspace import Workspace
from tests.chat_server import serving
from tests.support.command import run_coma

VERBS = ("Kindly mend", "Could you repair", "I need you to patch", "Go over", "Set right", "Put in order")
WAYS = ("what is amiss in", "the fault that hides in", "whatever goes astray in", "each slip inside")


def answer(body) -> str:
    """Wordings of the placeholders that the prompt shows, with what must not be kept among them."""
    prompt = body["messages"][-1]["content"]
    there = re.search(r"<there>\n(.*?)\n</there>", prompt, re.DOTALL)[1].splitlines()
    kept = " ".join(dict.fromkeys(re.findall(r"\{\w+\}|<\w+>", there[0])))
    fresh = [f"{verb} {way} {kept}, please." for verb in VERBS for way in WAYS]
    fresh = [text for text in fresh if text not in there]
    lines = ["Answer this without any of them.", there[0], *fresh[:2]]
    return "<wordings>\n" + "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1)) + "\n</wordings>"


def run(workspace, url, *more) -> int:
    command = [
        "gen-instructions",
        "--workspace",
        str(workspace),
        "--base-url",
        url,
        "--set",
        "runtime.first_wait_s=0.01",
    ]
    return run_coma([*command, *more])


def test_wordings_are_gathered_until_there_are_enough_and_paid_once(workspace_root, capsys):
    with serving(answer=answer) as server:
        more = ("--wordings", "3", "--tasks", "code-repair,cloze-test", "--json")
        assert run(workspace_root, server.base_url, *more) == 0
        summary = json.loads(capsys.readouterr().out)
        calls = server.log.calls
        assert run(workspace_root, server.base_url, *more, "--force") == 0
        assert server.log.calls == calls == 3 * 2, "three tables; one answer holds two, so each is requested twice"
    made = Workspace(workspace_root).require_newest("gen-instructions")
    rows = read_wordings(made.file("wordings.jsonl"))
    assert summary["wordings"] == len(rows) == 9 and summary["by_task"] == {"cloze-test": 3, "code-repair": 6}
    assert {row.like for row in rows} == {*tables_of(TASKS["code-repair"]), *tables_of(TASKS["cloze-test"])}
    assert all(row.made_by.startswith("gpt-3.5-turbo, answer ") for row in rows)
    reasons = {row["reason"] for row in read_rows(made.file("dropped.jsonl"))}
    assert reasons == {"other-placeholders", "near-repeat"}
    assert not (made.path / "train.jsonl").exists()
    added, _ = find_wordings([made.name], Workspace(workspace_root))
    assert sum(map(len, added.texts.values())) == 9
    assert Workspace(workspace_root).newest("gen-instructions", "train.jsonl") is None, "finetune does not take it"


def test_the_tasks_of_requests_are_those_to_word(workspace_root, tmp_path, capsys):
    request = {"id": "1", "subset": "s", "task": "code-summarization", "source": "s", "language": "python"}
    more = {"text_language": "cn", "asks_for": "output", "english": "Adds.", "input": "f", "licence": "mit"}
    write_rows(tmp_path / "pending.jsonl", [{**request, **more}])
    with serving(answer=answer) as server:
        given = ("--pending", str(tmp_path / "pending.jsonl"), "--wordings", "2", "--dry-run", "--json")
        assert run(workspace_root, server.base_url, *given) == 0
    assert json.loads(capsys.readouterr().out)["estimate"]["calls"] == len(TASKS["code-summarization"].wordings)


def test_answers_without_a_wording_are_an_error_that_says_why(workspace_root, capsys):
    with serving(answer=lambda body: "I can't help with that.") as server:
        assert run(workspace_root, server.base_url, "--wordings", "2", "--tasks", "cloze-test") == 1
        assert server.log.calls == 3
    assert "No wording could be used (refusal 3)" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--tasks", "cloze-test"), "Add --wordings 8"),
        (("--wordings", "2", "--tasks", "cloze-tset"), "cloze-test"),
        (("--wordings", "2", "--num-kept", "3"), "wordings need no code"),
    ],
)
def test_what_does_not_fit_together_is_refused(workspace_root, capsys, more, said):
    assert run(workspace_root, "http://127.0.0.1:9/v1", *more) == 2
    assert said in " ".join(capsys.readouterr().err.split())
