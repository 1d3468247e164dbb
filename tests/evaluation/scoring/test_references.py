"""How references run: in the mode of their problem, a second time alone if they fail, and never in another mode."""

from collections.abc import Iterable, Iterator

import pytest

from coma_cli.evaluation.scoring.references import ReferenceCheck, check_references
from coma_cli.journal import Journal
from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Outcome, Program
from coma_cli.sandbox.contract import VerdictName


def problem(name: str, mode: str = "split") -> Problem:
    return Problem(
        task_id=name,
        bench="own",
        prompt="",
        instruction="",
        entry_point="f",
        tests="assert f() == 1\n",
        reference="def f():\n    return 1\n",
        cpu_limit_s=1,
        mode=mode,  # type: ignore[arg-type]
    )


class Scripted:
    """A sandbox whose outcomes are written down: for each task and mode the verdicts of its runs, the last one for all
    further ones. It keeps what ran together."""

    def __init__(self, **verdicts: list[VerdictName]) -> None:
        self.verdicts = verdicts
        self.batches: list[list[str]] = []

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        batch: list[str] = []
        self.batches.append(batch)
        for program in programs:
            task_id = program.key.partition("|")[2]
            batch.append(f"{task_id} {program.mode}")
            left = self.verdicts.get(f"{task_id}_{program.mode}", ["pass"])
            verdict = left.pop(0) if len(left) > 1 else left[0]
            yield Outcome(program.key, verdict, "why", 0.1, 0.1)


@pytest.fixture
def check(tmp_path):
    def run(sandbox: Scripted, *problems: Problem, mode="split") -> dict[str, ReferenceCheck]:
        (tmp_path / "references.jsonl").unlink(missing_ok=True)
        parts = {p.task_id: (p,) for p in problems}
        with Journal.open(tmp_path / "references.jsonl", ReferenceCheck) as journal:
            rows = check_references(sandbox, parts, journal, lambda p: Limits(), mode)  # type: ignore[arg-type]
            found = {row.task_id: row for row in rows if row is not None}
            assert {row.task_id: row for row in journal.rows()} == found
        return found

    return run


def test_each_runs_in_the_mode_of_its_problem(check) -> None:
    sandbox = Scripted()
    found = check(sandbox, problem("a"), problem("b", "inproc"))
    assert sandbox.batches == [["a split", "b inproc"]]
    assert {name: row.mode for name, row in found.items()} == {"a": "split", "b": "inproc"}


def test_all_run_in_one_process_where_the_user_says_so(check) -> None:
    sandbox = Scripted()
    found = check(sandbox, problem("a"), problem("b", "inproc"), mode="inproc")
    assert sandbox.batches == [["a inproc", "b inproc"]]
    assert {row.mode for row in found.values()} == {"inproc"}


@pytest.mark.parametrize("verdict", ["fail", "timeout", "memory", "error"])
def test_one_that_fails_beside_others_and_passes_alone_has_passed(check, verdict) -> None:
    sandbox = Scripted(b_split=[verdict, "pass"])
    found = check(sandbox, problem("a"), problem("b"), problem("c"))
    assert sandbox.batches == [["a split", "b split", "c split"], ["b split"]]
    assert [(row.mode, row.verdict) for row in found.values()] == [("split", "pass")] * 3


@pytest.mark.parametrize("verdict", ["timeout", "memory", "error"])
def test_one_that_is_killed_twice_has_failed_and_is_tried_nowhere_else(check, verdict) -> None:
    sandbox = Scripted(a_split=[verdict])
    found = check(sandbox, problem("a"))
    assert sandbox.batches == [["a split"], ["a split"]]
    assert (found["a"].mode, found["a"].verdict, found["a"].detail) == ("split", verdict, "why")


def test_one_that_would_pass_in_one_process_has_failed_and_says_so(check) -> None:
    sandbox = Scripted(a_split=["fail"])
    found = check(sandbox, problem("a"), problem("b"))
    assert sandbox.batches[1:] == [["a split"], ["a inproc"]]
    assert (found["a"].mode, found["a"].verdict) == ("split", "fail")
    assert 'give its row "mode": "inproc"' in found["a"].detail
    assert check(Scripted(a_split=["fail"], a_inproc=["fail"]), problem("a"))["a"].detail == "why"
