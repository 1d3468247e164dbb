from coma_cli.catalog.benchmarks import BENCHMARKS, LoadedBenchmark
from coma_cli.corpus.decontamination.solvable_problems import solvable
from tests.corpus.decontamination.problems import IS_ROUND, OWN, ZIGZAG, problem


def test_tests_say_how_a_function_is_called_and_what_it_must_return():
    zigzag, shout, is_round = solvable([OWN])
    assert (zigzag.counts, zigzag.kind, zigzag.assertions) == ((1,), "list of int", 3)
    assert zigzag.first == ([[1, 2, 3]], "==", 2)
    assert (shout.counts, shout.kind, shout.first) == ((2,), "str, int", (["ab", 2], "==", "ABAB"))
    assert is_round.first == ([1000], "bool", True)


def test_a_first_assertion_of_another_form_is_left_to_the_whole_test():
    near = problem(9, "f", "assert abs(f(2.0) - 1.4) < 0.1\n", "")
    negated = problem(10, "f", "assert not f('a')\n", "")
    variable = problem(11, "f", "x = [1]\nassert f(x) == 2\n", "")
    bench = LoadedBenchmark("own", (near, negated, variable), "tests", "0" * 64)
    assert [entry.first for entry in solvable([bench])] == [None, (["a"], "bool", False), None]


def test_problems_without_tests_or_with_tests_in_the_programs_process_are_left_out():
    none = problem(4, "f", "", "def f(): pass")
    inproc = ZIGZAG.model_copy(update={"mode": "inproc"})
    again = IS_ROUND.model_copy(update={"task_id": "other/3", "bench": "other"})
    bench = LoadedBenchmark("own", (none, inproc, IS_ROUND, again), "tests", "0" * 64)
    assert [entry.problem.task_id for entry in solvable([bench])] == ["own/3"]


def test_every_problem_of_humaneval_can_be_tried():
    assert len(solvable([BENCHMARKS["humaneval"].load()])) == 164
