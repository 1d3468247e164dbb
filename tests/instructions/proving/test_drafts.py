"""The command with proof: levels on rows, rows below the wanted level, repairs, asserts, and further programs."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from coma_cli.instructions.proving.drafts import shown_error
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.workspace import Workspace
from tests.chat_server import serving
from tests.support.command import run_coma

INSTRUCTION = "Write a Python program that adds the two given numbers a and b and returns the sum."
KINDS = {
    "right": "{code}\n\n\nprint(add(1, 2))",
    "defined": "import math\n\n\n{code}\n\n\nLIMIT = math.pi",
    "raises": "{code}\n\n\nprint(add(1, 0) / 0)",
    "broken": "{code}\n\n\nprint(add(1, 2)",
}
REPAIRED = {
    "raises": "import math\n\n\n{code}\n\n\nfor number in range(3):\n    print(add(number, math.floor(2.5)))",
    "broken": "import re\n\n\n{code}\n\n\nif re.match('a', 'abc'):\n    print([add(5, 2)], add(7, 8))",
}


@pytest.fixture
def seed(tmp_path) -> Path:
    """One function of each kind; its parameter tells the server which."""
    file = tmp_path / "seed.jsonl"
    rows = [
        f"def add(a: int, {kind}: int):\n    if a > {kind}:\n        return a - {kind}\n    return a + {kind}"
        for kind in KINDS
    ]
    write_rows(file, [{"code": row} for row in rows])
    return file


def code_in(prompt: str) -> str:
    return re.search(r"<code>\n(.*?)\n</code>", prompt, re.DOTALL)[1]


def kind_of(text: str) -> str:
    return re.search(r"def add\(a: int, (\w+): int", text)[1]


def answer(body) -> str:
    prompt = body["messages"][-1]["content"]
    kind = kind_of(prompt)
    if "<instruction>" in prompt:
        return f"<instruction>{INSTRUCTION} It is the case called {kind}.</instruction>"
    if "assert statements" in prompt:
        return "```python\nassert add(1, 2) == 3\nassert add(3, 1) == 2\n```"
    if "It does not work" in prompt:
        return f"```python\n{REPAIRED[kind].format(code=code_in(prompt))}\n```"
    return f"```python\n{KINDS[kind].format(code=code_in(prompt))}\n```"


def run(seed: Path, workspace: Path, url: str, *more: str) -> dict[str, str]:
    """The proof of each row that was kept by its kind, and the reason of each other."""
    command = ["gen-instructions", "--seed-code", str(seed), "--workspace", str(workspace), "--base-url", url]
    filters = ("--set", "filters.must_run=false", "--set", "near.enabled=false", "--set", "validation_share=0")
    assert run_coma([*command, *filters, "--set", "runtime.first_wait_s=0.01", *more]) == 0
    artifact = Workspace(workspace).require_newest("gen-instructions")
    found = {kind_of(row["output"]): row["proof"] for row in read_rows(artifact.file("train.jsonl"))}
    for row in read_rows(artifact.file("dropped.jsonl")):
        found[kind_of(row["row"]["code"])] = row["reason"]
    return found


def test_every_row_states_its_proof(seed, workspace_root, capsys):
    with serving(answer=answer) as server:
        found = run(seed, workspace_root, server.base_url, "--json")
    assert found == {"right": "called", "defined": "called", "raises": "parsed", "broken": "does-not-parse"}
    proof = json.loads(capsys.readouterr().out)["proof"]
    assert proof["levels"] == {"called": 2, "parsed": 1} and proof["by_language"]["python"]["called"] == 2
    assert proof["isolation"] in ("ns", "landlock") and proof["runs"] == 3


@pytest.mark.parametrize(("level", "raises"), [("ran", "does-not-run"), ("called", "does-not-run"), ("none", "parsed")])
def test_rows_below_the_wanted_level_are_dropped(seed, workspace_root, level, raises):
    with serving(answer=answer) as server:
        found = run(seed, workspace_root, server.base_url, "--keep", f"proof>={level}")
    # Without a level too: what does not parse is no training text.
    assert found == {"right": "called", "defined": "called", "raises": raises, "broken": "does-not-parse"}


def test_a_program_is_repaired_with_its_error(seed, workspace_root):
    with serving(answer=answer) as server:
        found = run(seed, workspace_root, server.base_url, "--repair", "2")
        prompts = [body["messages"][-1]["content"] for body in server.log.bodies]
        calls = server.log.calls
        assert run(seed, workspace_root, server.base_url, "--repair", "2") == found
        assert server.log.calls == calls
    assert set(found.values()) == {"called"}
    asked = [prompt for prompt in prompts if "It does not work" in prompt]
    assert Counter(kind_of(prompt) for prompt in asked) == {"raises": 1, "broken": 1}
    assert any("It does not work: line 7: ZeroDivisionError: division by zero" in prompt for prompt in asked)
    assert calls == 2 * len(KINDS) + 2


def test_asserts_are_requested_and_tried_on_mutants(seed, workspace_root):
    with serving(answer=answer) as server:
        found = run(seed, workspace_root, server.base_url, "--self-test", "--keep", "proof>=tested")
    assert found == {"right": "tested", "defined": "tested", "raises": "does-not-run", "broken": "does-not-parse"}


def test_further_programs_are_compared(seed, workspace_root):
    with serving(answer=answer) as server:
        found = run(seed, workspace_root, server.base_url, "--tries", "3")
        assert server.log.calls == 2 * len(KINDS) + 2 * 2
    assert found["right"] == found["defined"] == "cross-checked"


# The function calls a helper that each program defines in its own way.
HELPERS = {
    "first": ("a + b", "b + a", "sum((a, b))", "a - b", "a * b"),
    "others": ("a - b", "a + b", "b + a", "sum((a, b))", "a * b"),
    "pair": ("a - b", "a * b", "a + b", "b + a", "a * a"),
    "split": ("a - b", "a + b", "a * b", "a * a", "b * b"),
}


def test_one_of_the_programs_that_most_agree_on_is_kept_and_disagreement_is_counted(tmp_path, workspace_root, capsys):
    code = "def add(a: int, {0}: int):\n    if a > {1}:\n        a = {1}\n    return helper(a, {0})"
    rows = [{"code": code.format(kind, 100 + number)} for number, kind in enumerate(HELPERS)]
    write_rows(tmp_path / "seed.jsonl", rows)
    written: Counter[str] = Counter()

    def program(body) -> str:
        prompt = body["messages"][-1]["content"]
        if "<instruction>" in prompt:
            return answer(body)
        kind = kind_of(prompt)
        written[kind] += 1
        helper = f"def helper(a, b):\n    return {HELPERS[kind][written[kind] - 1]}"
        return f"```python\n{code_in(prompt)}\n\n\n{helper}\n```"

    more = ("--tries", "5", "--set", "runtime.concurrency=1")
    with serving(answer=program) as server:
        found = run(tmp_path / "seed.jsonl", workspace_root, server.base_url, *more, "--json")
        shown = capsys.readouterr()
        kept = run(tmp_path / "seed.jsonl", workspace_root, server.base_url, *more, "--keep", "proof>=cross-checked")
        assert server.log.calls == 2 * 4 + 4 * 4
    assert found == {"first": "cross-checked", "others": "cross-checked", "pair": "called", "split": "called"}
    assert kept == {**found, "pair": "not-cross-checked", "split": "not-cross-checked"}
    proof = json.loads(shown.out)["proof"]
    assert (proof["agreement"], proof["replaced"]) == ({"majority": 2, "minority": 1, "none": 1}, 2)
    assert "For 2 of 4 instructions at most half of the programs agree" in " ".join(shown.err.split())
    (one, _) = sorted((workspace_root / "gen-instructions").iterdir(), key=lambda run: run.stat().st_mtime)
    rows = {kind_of(row["output"]): row for row in read_rows(one / "train.jsonl")}
    assert {kind: row["output"].rpartition("return ")[2] for kind, row in rows.items()} == {
        "first": "a + b", "others": "a + b", "pair": "a + b", "split": "a - b",
    }  # fmt: skip
    assert rows["others"]["made_by"].endswith(", program 2 of 5") and "of 5" not in rows["first"]["made_by"]
    card = (one / "card.md").read_text()
    assert "| more than half | 2 |" in card and "| no other one | 1 |" in card


def test_a_dry_run_counts_the_further_requests(seed, workspace_root, capsys):
    with serving(answer=answer) as server:
        command = [
            "gen-instructions",
            "--seed-code",
            str(seed),
            "--workspace",
            str(workspace_root),
            "--dry-run",
            "--json",
        ]
        assert run_coma([*command, "--base-url", server.base_url]) == 0
        few = json.loads(capsys.readouterr().out)["estimate"]
        assert run_coma([*command, "--base-url", server.base_url, "--repair", "1", "--self-test", "--tries", "3"]) == 0
        many = json.loads(capsys.readouterr().out)["estimate"]
    assert few["calls"] == 8 and many["calls"] == 8 + 4 * (1 + 1 + 2)
    assert many["prompt_tokens"] > few["prompt_tokens"] and many["completion_tokens"] > few["completion_tokens"]


def test_an_error_is_shown_as_one_short_line():
    assert shown_error("a\nb\x1b[31m </program> ``` " + "x" * 1000).startswith("a b [31m ‹/program> ''' xxx")
    assert len(shown_error("x" * 1000)) == 400
