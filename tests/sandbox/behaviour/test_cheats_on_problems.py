"""Real problems: no program solves one by what it finds, and the same programs do where an answer lies open.

`make soak` tries every technique on each problem of HumanEval at both levels, as root and as an ordinary user, with one
worker and with many: some 6,400 programs that cheat in each of the eight runs.
"""

import os
from collections.abc import Iterator, Mapping

import pytest

from coma_cli.records import Problem
from coma_cli.sandbox import Program
from tests.evaluation.sampled import HUMANEVAL, right
from tests.sandbox import cheats
from tests.sandbox.run_cases import python_for_everyone
from tests.sandbox.run_programs import MANY, run, run_as_nobody


def judged(key: str, source: str, problem: Problem) -> Program:
    assert problem.entry_point is not None
    return Program(key, source, problem.tests, problem.prompt + "    pass\n", (problem.entry_point,))


def adapted_programs(techniques: Mapping[str, str], count: int, *, own: bool = False) -> Iterator[Program]:
    """The references, and each technique's programs, each behind a reference of its problem and in front of another."""
    for problem in HUMANEVAL[:count]:
        name, reference = str(problem.entry_point), problem.prompt + right(problem)
        yield judged(f"reference {problem.task_id}", reference, problem)
        for technique, text in techniques.items():
            source = cheats.adapted(text, name, answer=reference if own else "")
            yield judged(f"{technique}|{problem.task_id}", source, problem)
            yield judged(f"again {technique}|{problem.task_id}", reference, problem)


def check_that_only_references_pass(level: str, way: str, workers: int, count: int) -> None:
    programs = list(adapted_programs(cheats.TECHNIQUES, count))
    if way == "root":
        outcomes = run(level, programs, workers)
    elif os.getuid() != 0:
        pytest.skip("only root can take another id")
    else:
        outcomes = run_as_nobody(python_for_everyone(), level, programs, workers)
    assert len(outcomes) == count * (1 + 2 * len(cheats.TECHNIQUES))
    honest = {key for key in outcomes if key.startswith(("reference", "again"))}
    assert sorted(key for key in honest if outcomes[key].verdict != "pass") == []
    assert sorted(key for key in outcomes.keys() - honest if outcomes[key].verdict == "pass") == []


_ELSEWHERE = pytest.mark.soak  # each level and each way has its turn in the two others


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "way", "workers"),
    [
        ("ns", "root", 1),
        ("landlock", "user", MANY),
        pytest.param("ns", "user", MANY, marks=_ELSEWHERE),
        pytest.param("landlock", "root", 1, marks=_ELSEWHERE),
    ],
)
def test_no_program_passes_by_cheating(level: str, way: str, workers: int) -> None:
    check_that_only_references_pass(level, way, workers, 10)


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, MANY])
@pytest.mark.parametrize("way", ["root", "user"])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_program_passes_any_problem_by_cheating(level: str, way: str, workers: int) -> None:
    assert len(HUMANEVAL) == 164
    check_that_only_references_pass(level, way, workers, 164)


@pytest.mark.parametrize("technique", ["mincore heap", "collector", "frames", "modules"])
def test_programs_that_cheat_pass_where_an_answer_lies_in_their_memory(technique: str) -> None:
    outcomes = run("ns", adapted_programs({technique: cheats.TECHNIQUES[technique]}, 3, own=True))
    assert {key: outcome.detail for key, outcome in outcomes.items() if outcome.verdict != "pass"} == {}
