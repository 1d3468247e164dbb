"""Programs with known behaviour reach exactly their level: right, wrong, endless, hostile, and idle ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coma_cli.instructions.proving.counted import targets_in
from coma_cli.instructions.proving.python_proof import PythonJob, mutants_of, prove_python
from coma_cli.sandbox import Limits, Sandbox, SandboxUnavailable
from tests.requirements import skip_unless

ROWS = [json.loads(line) for line in (Path(__file__).parent / "programs.jsonl").read_text("utf-8").splitlines()]
ADD = "def add(a: int, b: int) -> int:\n    if a > b:\n        return a - b\n    return a + b\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    limits = Limits(cpu_s=2.0, wall_s=3.0, memory_mb=256)
    try:
        with Sandbox(limits=limits, workers=2) as opened:
            yield opened
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))


def job(row: dict) -> PythonJob:
    return PythonJob(row["name"], row["program"], None, row.get("asserts", ""), tuple(row.get("others", ())))


def wrong_levels(rows: list[dict], sandbox: Sandbox) -> dict[str, tuple[str, str]]:
    wanted = {row["name"]: row["level"] for row in rows}
    assert len(wanted) == len(rows)
    # A program that does not parse is found before any is run.
    proofs = dict(prove_python([job(row) for row in rows if row["level"] != "none"], sandbox))
    assert proofs.keys() == {name for name, level in wanted.items() if level != "none"}
    return {name: (wanted[name], str(proof)) for name, proof in proofs.items() if proof.level != wanted[name]}


def test_two_hundred_programs_reach_their_level(sandbox):
    rows = [row for row in ROWS if not row.get("slow")]
    assert len(ROWS) >= 200
    assert wrong_levels(rows, sandbox) == {}


@pytest.mark.slow
def test_endless_programs_reach_their_level(sandbox):
    assert wrong_levels([row for row in ROWS if row.get("slow")], sandbox) == {}


def test_only_the_function_within_the_lines_counts(sandbox):
    program = "def helper(x):\n    return x\n\n\ndef f(x):\n    return x\n\n\nhelper(1)\nf = None\n"
    jobs = [PythonJob("first", program, (1, 2)), PythonJob("second", program, (5, 6)), PythonJob("any", program)]
    levels = {key: proof.level for key, proof in prove_python(jobs, sandbox)}
    assert levels == {"first": "called", "second": "ran", "any": "called"}


def test_an_error_names_the_line_that_its_author_wrote(sandbox):
    program = "def f(x):\n    for i in x:\n        pass\n\n\ndef g(x):\n    return 1 / x\n\n\nf([1])\ng(0)\n"
    ((_, proof),) = prove_python([PythonJob("a", program)], sandbox)
    assert (proof.level, proof.error, proof.runs) == ("parsed", "line 7: ZeroDivisionError: division by zero", 1)


def test_no_address_is_part_of_an_error(sandbox):
    program = "def f(x):\n    return x\n\n\nraise ValueError(repr(object()))\n"
    ((_, proof),) = prove_python([PythonJob("a", program)], sandbox)
    assert proof.error == "line 5: ValueError: <object object at 0x>"


def test_mutants_differ_from_the_program_in_the_function_alone():
    import ast

    program = "LIMIT = 3\n\n\nclass C:\n    def f(self, a, b):\n        return a + b - 1\n\n\nprint(C().f(1, 2) + 5)\n"
    targets = [target for target in targets_in(ast.parse(program), None) if target.name]
    mutants = mutants_of(program, targets)
    assert 1 < len(mutants) <= 5 and len(set(mutants)) == len(mutants)
    for mutant in mutants:
        ast.parse(mutant)
        changed = [
            n for n, pair in enumerate(zip(program.split("\n"), mutant.split("\n"), strict=True)) if len(set(pair)) > 1
        ]
        assert changed == [5]


def test_asserts_count_only_if_a_mutant_fails_them(sandbox):
    jobs = [
        PythonJob("good", ADD, None, "assert add(1, 2) == 3\nassert add(3, 1) == 2"),
        PythonJob("vacuous", ADD, None, "assert add(1, 2) is not None"),
        PythonJob("elsewhere", ADD, None, "assert max(1, 2) == 2"),
        PythonJob("wrong", ADD, None, "assert add(1, 2) == 4"),
    ]
    proofs = dict(prove_python(jobs, sandbox))
    assert {key: proof.level for key, proof in proofs.items()} == {
        "good": "tested", "vacuous": "called", "elsewhere": "called", "wrong": "called",
    }  # fmt: skip
    assert proofs["vacuous"].detail == "the asserts pass for its mutants too"
    assert proofs["elsewhere"].detail == "the asserts do not call the function"
    assert proofs["wrong"].error == "the asserts end with AssertionError"
