"""Reference solutions pass in both modes, and wrong ones fail in both."""

import ast
import gzip
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coma_cli.sandbox import Limits, Program, Sandbox
from coma_cli.sandbox.contract import Mode
from tests.requirements import shared_data

# Survey of 2026-11: what of MBPP can't be tested from another process, and why. `program_of` binds every name that
# a reference defines and its tests use.
MBPP_INPROC = {
    367: "the tests pass on an instance of a class of the program",
    596: "the tests use a module that the program has imported",
    601: "the tests make instances of a class of the program",
    927: "the tests pass on an instance of a class of the program",
}
SANITIZED_INPROC = {596: MBPP_INPROC[596]}


def human_eval() -> list[dict[str, Any]]:
    with gzip.open(shared_data() / "humaneval" / "HumanEval.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def human_eval_program(row: dict[str, Any], body: str, mode: Mode) -> Program:
    tests = f"{row['test']}\ncheck({row['entry_point']})\n"
    return Program(
        row["task_id"], row["prompt"] + body, tests, row["prompt"] + "    pass\n", (row["entry_point"],), mode
    )


def names_used(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def names_defined(text: str) -> list[str]:
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def mbpp_program(row: dict[str, Any], code: str, mode: Mode) -> Program:
    setup = row.get("test_setup_code") or "\n".join(row.get("test_imports", []))
    tests = "\n".join([setup, *row["test_list"], *row.get("challenge_test_list", [])])
    with warnings.catch_warnings(action="ignore"):
        used = names_used(tests)
        defined = names_defined(row["code"])
    return Program(
        str(row["task_id"]), code, tests, "", tuple(name for name in defined if name in used), mode, Limits(cpu_s=10)
    )


def failed(sandbox: Sandbox, programs: Iterator[Program]) -> dict[str, str]:
    return {outcome.key: outcome.detail for outcome in sandbox.run(programs) if outcome.verdict != "pass"}


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_all_references_of_human_eval_pass(shared_sandbox: Sandbox, mode: Mode) -> None:
    rows = human_eval()
    assert len(rows) == 164
    assert failed(shared_sandbox, (human_eval_program(row, row["canonical_solution"], mode) for row in rows)) == {}


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_mutants_fail(shared_sandbox: Sandbox, mode: Mode) -> None:
    rows = human_eval()[::4]
    for body in ("    return None\n", "    return object()\n", "    raise ValueError\n", "    return '?' * 3\n"):
        programs = [human_eval_program(row, body, mode) for row in rows]
        assert failed(shared_sandbox, iter(programs)).keys() == {program.key for program in programs}


def mbpp(name: str) -> list[dict[str, Any]]:
    path: Path = shared_data() / "mbpp" / name
    text = path.read_text()
    return list(map(json.loads, text.splitlines())) if name.endswith("l") else json.loads(text)


@pytest.mark.parametrize(
    ("name", "inproc"),
    [("mbpp.jsonl", MBPP_INPROC), ("sanitized-mbpp.json", SANITIZED_INPROC)],
    ids=["full", "sanitized"],
)
def test_all_references_of_mbpp_pass_in_split_mode_except_those_listed(
    shared_sandbox: Sandbox, name: str, inproc: dict[int, str]
) -> None:
    rows = mbpp(name)
    split = failed(shared_sandbox, (mbpp_program(row, row["code"], "split") for row in rows))
    assert split.keys() == set(map(str, inproc))
    listed = [row for row in rows if row["task_id"] in inproc]
    assert failed(shared_sandbox, (mbpp_program(row, row["code"], "inproc") for row in listed)) == {}
