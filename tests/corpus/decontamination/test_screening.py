"""Functions against the first step: what it lets through and stops, and that functions don't disturb each other."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, LoadedBenchmark
from coma_cli.corpus.decontamination.candidate_functions import candidates_in
from coma_cli.corpus.decontamination.screening import Screening
from coma_cli.corpus.decontamination.solvable_problems import solvable
from tests.corpus.decontamination.problems import HOSTILE, OWN, ZIGZAG, problem


@pytest.fixture
def own(isolation):
    return Screening(solvable([OWN]), isolation, 2)


def numbers(screening, *texts):
    candidates = list(candidates_in(texts))
    found = {candidate.key: numbers for candidate, numbers in screening.run(candidates)}
    return [found[candidate.key] for candidate in candidates]


def test_references_under_other_names_are_found_and_others_are_not(own):
    texts = [entry.reference.replace(entry.entry_point, f"my_{entry.entry_point}") for entry in OWN.problems]
    wrong = "def f(values):\n    return sum(values)\n"
    right_at_first = "def f(values):\n    return values[0] - values[1] + values[2]\n"
    assert numbers(own, *texts, wrong, right_at_first) == [(0,), (1,), (2,), (), ()]


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_functions_solve_nothing_and_leave_the_others_alone(own, kind):
    assert numbers(own, ZIGZAG.reference, HOSTILE[kind], ZIGZAG.reference + "\n") == [(0,), (), (0,)]


def test_what_a_function_prints_reaches_nobody_and_changes_nothing(own, capfd):
    talks = ZIGZAG.reference.replace("    total = 0\n", "    total = 0\n    print('x' * 1000000)\n")
    assert numbers(own, talks) == [(0,)]
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_what_tests_draw_is_the_same_in_each_process(isolation):
    # Right for half of what is drawn, so that 30 processes would hardly agree by chance.
    drawing = "import random\n\nassert same(1) == 1\nx = random.randint(0, 999)\nassert same(x) == x\n"
    same = problem(4, "same", drawing, "def same(x):\n    return x\n")
    screening = Screening(solvable([LoadedBenchmark("own", (same,), "tests", "0" * 64)]), isolation, 2)
    half = "def f(x):\n    return x if x in (1, {}) or x < 500 else -1\n"
    found = [numbers(screening, half.format(-number))[0] for number in range(30)]
    assert len(set(found)) == 1


@pytest.mark.slow
def test_nearly_all_references_of_humaneval_are_found(isolation):
    problems = solvable([BENCHMARKS["humaneval"].load()])
    own = {}
    for number, entry in enumerate(problems):
        for candidate in candidates_in([entry.problem.reference]):
            if candidate.function == entry.problem.entry_point:
                own[number] = candidate
    found = {c.key: numbers for c, numbers in Screening(problems, isolation, 2).run(list(own.values()))}
    missed = [problems[number].problem.task_id for number, c in own.items() if number not in found[c.key]]
    assert len(own) == 164
    # The first two need too many steps, which a third may do on a slow machine.
    assert len(missed) <= 4, missed
