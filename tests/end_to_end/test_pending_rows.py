"""Rows that upstream lacks, end to end: requested by build-data, written through a real server, taken in again."""

import dataclasses
import json

import pytest

from coma_cli.catalog.material import Function, Question
from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.sources import SOURCES
from coma_cli.formats.tables import read_table
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.records import DroppedRow, Example, Origin, PendingRequest
from coma_cli.workspace import Workspace
from tests.chat_server import derived_answer, serving
from tests.support.command import run_coma

VERBS = ["count", "sort", "merge", "reverse", "filter", "group", "rotate", "split", "join", "drop", "scale", "trim"]
THINGS = ["words", "bills", "maps", "records"]


def read_functions(shard):
    for number, row in read_table(shard, ["verb"]):
        verb, thing = row["verb"], row["thing"]
        code = f"def {verb}_{thing}({thing}):\n    kept = {verb}er({thing})\n    return kept.{verb}ed()"
        text = f"{verb.capitalize()} the {thing} that {verb}_{thing} is called with and return them."
        header = code.splitlines()[0]
        origin = Origin(path=shard.name, row=str(number), split="train")
        yield Function("python", f"{verb}_{thing}", header, code, text, text, (), licence="MIT", origin=origin)


def read_questions(shard):
    for number, row in read_table(shard, ["verb"]):
        verb, thing = row["verb"], row["thing"]
        candidates = tuple(f"{verb}({thing}, {n})" for n in range(3))
        origin = Origin(path=shard.name, row=str(number), split="train")
        yield Question(
            "python",
            f"How to {verb} {thing} by {verb}_{thing}?",
            candidates,
            (1,),
            licence="CC-BY-SA-4.0",
            origin=origin,
        )


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder of two sources that CoMIT's table knows; their readers are small ones of our own."""
    folder = tmp_path / "sources"
    for name, read, gives, not_for in (
        ("codesearchnet", read_functions, (Function,), ("code-search",)),
        ("staqc", read_questions, (Question,), ()),
    ):
        (folder / name).mkdir(parents=True)
        rows = [{"verb": verb, "thing": thing} for verb in VERBS for thing in THINGS]
        (folder / name / "code_alpaca_20k.json").write_text(json.dumps(rows))
        changes = {"name": name, "folder": name, "read": read, "gives": gives, "not_for": not_for}
        entry = dataclasses.replace(SOURCES["codealpaca"], **changes)
        monkeypatch.setitem(SOURCES, name, entry)
    return folder


def build(workspace, sources, *more):
    arguments = ["build-data", "--sources", str(sources), "--workers", "1", "-w", str(workspace)]
    assert run_coma([*arguments, "--tasks", "code-summarization,code-generation,code-search", *more]) == 0
    return Workspace(workspace).require_newest("build-data")


def generate(workspace, server, *more, code=0):
    arguments = ["gen-instructions", "-w", str(workspace), "--base-url", server.base_url, "--model", "gpt-3.5-turbo"]
    assert run_coma([*arguments, "--set", "runtime.first_wait_s=0.01", *more]) == code
    return Workspace(workspace).newest("gen-instructions")


def pending(artifact):
    return {row["id"]: PendingRequest.from_row(row, "") for row in read_rows(artifact.file("pending.jsonl"))}


def rows_of(artifact):
    names = ("train.jsonl", "validation.jsonl")
    return [Example.from_row(row, "") for name in names for row in read_rows(artifact.file(name))]


def test_what_is_requested_is_written_and_taken_in_and_pending_shrinks(workspace_root, sources):
    first = build(workspace_root, sources)
    asked = pending(first)
    subsets = {entry.name for entry in MIXTURES["comit"].subsets if entry.requested}
    assert {request.subset for request in asked.values()} == subsets
    with serving() as server:
        some = generate(workspace_root, server, "--pending", first.name, "--num", "20")
        written = rows_of(some)
        assert server.log.calls == 20
        assert all(row.text_language == "cn" and row.source in ("codesearchnet", "staqc") for row in written)
        second = build(workspace_root, sources, "--with-generated", some.name)
        left = pending(second)
        assert left.keys() <= asked.keys()
        taken = {row.id for row in rows_of(second) if row.text_language == "cn"}
        assert len(asked) - len(left) == len(taken) > 10
        everything = generate(workspace_root, server, "--pending", str(first.path), "--num", "1000")
        assert server.log.calls == len(asked) and max(server.log.received.values()) == 1
        assert everything.path == some.path
    third = build(workspace_root, sources, "--with-generated", str(everything.path), "--with-generated", some.name)
    assert len(pending(third)) < len(left)
    chinese = json.loads((third.path / "code-to-text/code_summarization_CN.json").read_bytes())
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in row["output"]) for row in chinese)
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in row["instruction"]) for row in chinese)
    assert third.summary["subsets"]["code-search-cn"]["train"] > 0
    card = (third.path / "README.md").read_text()
    assert "gpt-3.5-turbo" in card and str(workspace_root) not in card


def test_the_second_round_of_requests_pays_nothing_again(workspace_root, sources):
    first = build(workspace_root, sources)
    with serving() as server:
        generate(workspace_root, server, "--pending", first.name, "--num", "10")
        again = build(workspace_root, sources, "--name", "again", "--validation-share", "0.1")
        generate(workspace_root, server, "--pending", again.name, "--num", "10")
        assert max(server.log.received.values()) == 1
        assert 10 <= server.log.calls < 15  # most of the first ten are the same


def test_answers_that_are_not_what_was_asked_for_are_dropped_with_a_reason(workspace_root, sources):
    bad = {
        0: "Sorted data.",
        1: "<chinese>Sorts the words.</chinese>",
        2: "<chinese>排序</chinese><chinese>排序给出的数据</chinese>",
        3: "<chinese>排序给出的数据",
        4: "<chinese></chinese>",
        5: "<chinese>```排序给出的数据```</chinese>",
        6: "抱歉，我不能这样做。",
        7: "<chinese>" + "排序给出的数据" * 100 + "</chinese>",
    }

    def answer(body):
        text = derived_answer(body)
        return bad.get(int(text.split()[1]) % 10, text)

    first = build(workspace_root, sources)
    with serving(answer=answer) as server:
        made = generate(workspace_root, server, "--pending", first.name, "--num", "144")
    dropped = [DroppedRow.from_row(row, "") for row in read_rows(made.file("dropped.jsonl"))]
    assert {
        "no-text", "other-text-language", "several-texts", "unclosed-tag", "empty", "text-holds-code", "refusal",
        "too-long",
    } <= {row.reason for row in dropped}  # fmt: skip
    assert len(rows_of(made)) + len(dropped) == made.summary["requests"] == len(pending(first)) > 100
    second = build(workspace_root, sources, "--with-generated", made.name)
    answered = {row.made_by.split()[3].rstrip(",") for row in rows_of(second) if row.text_language == "cn"}
    assert pending(second).keys() == pending(first).keys() - answered


def test_a_dry_run_counts_and_asks_nothing(workspace_root, sources, capsys):
    first = build(workspace_root, sources)
    capsys.readouterr()
    with serving() as server:
        generate(workspace_root, server, "--pending", first.name, "--num", "7", "--dry-run", "--json")
        assert server.log.calls == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["estimate"]["calls"] == plan["calls"] == 7
    assert 0 < plan["estimate"]["usd"] < plan["estimate"]["usd_at_most"]


def test_the_cap_holds_and_the_rest_comes_later(workspace_root, sources):
    first = build(workspace_root, sources)
    with serving() as server:
        arguments = ("--pending", first.name, "--num", "40")
        generate(workspace_root, server, *arguments, "--max-usd", "0.003", code=5)
        paid = server.log.calls
        assert 0 < paid < 40
        made = generate(workspace_root, server, *arguments)
        assert server.log.calls == 40
    assert made.summary["usd"] > 0.002


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gen-instructions", "--pending", "nowhere"), "no finished build-data run of that name"),
        (("gen-instructions", "--pending", "."), "holds no pending.jsonl"),
        (("build-data", "--with-generated", "nowhere"), "no finished gen-instructions run of that name"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, monkeypatch, capsys, workspace_root, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run_coma([*arguments, "-w", str(workspace_root)]) == 3
    assert message in capsys.readouterr().err


def test_files_of_another_form_are_refused(tmp_path, workspace_root, capsys):
    other = tmp_path / "other.jsonl"
    write_rows(other, [{"instruction": "Sort.", "input": "", "output": "x"}])
    assert run_coma(["gen-instructions", "--pending", str(other), "-w", str(workspace_root)]) == 3
    assert "not a row of pending.jsonl (id: Field required" in capsys.readouterr().err
    assert run_coma(["build-data", "--with-generated", str(other), "-w", str(workspace_root)]) == 3
    assert "not a row of gen-instructions (" in capsys.readouterr().err
