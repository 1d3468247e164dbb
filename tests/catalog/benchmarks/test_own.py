from functools import partial

import pytest

from coma_cli.catalog.benchmarks import SAMPLED, own
from coma_cli.catalog.benchmarks.own_cases import RUN
from coma_cli.catalog.benchmarks.own_names import own_name
from coma_cli.errors import MissingInputError
from coma_cli.records import Problem
from tests.requirements import shared_data
from tests.support.files import write_lines

TESTS = {"task_id": "t/1", "prompt": "Write last(text).", "tests": "assert last('a b') == 'b'"}
IO = {"task_id": "i/1", "prompt": "Print the sum.", "io": [{"stdin": "2 3", "stdout": "5"}]}
METRIC = {"task_id": "m/1", "prompt": "Select.", "reference": "SELECT 1", "metric": "exact-match"}
problem_of = partial(own.problem_of, "mine-00000000")


def load(path, rows):
    file = write_lines(path / "mine.jsonl", rows)
    return SAMPLED[own_name(file)].load(file)


def test_a_form_is_recognized_by_its_field():
    assert [own.form_of(row) for row in (TESTS, IO, METRIC, {**TESTS, "reference": "x"})] == [
        "tests", "io", "metric", "tests",
    ]  # fmt: skip


def test_rows_of_tests():
    problem = problem_of(TESTS)
    assert (problem.entry_point, problem.entry_points, problem.tests) == ("last", ("last",), f"{TESTS['tests']}\n")
    assert (problem.instruction, problem.prompt, problem.prompt_code) == (
        "Write last(text).", '"""\nWrite last(text).\n"""\n', "",
    )  # fmt: skip
    assert (problem.bench, problem.reference, problem.cpu_limit_s, problem.memory_mb) == (
        "mine-00000000",
        "",
        3.0,
        None,
    )


def test_rows_of_inputs_with_outputs():
    problem = problem_of({**IO, "cpu_limit_s": 2, "memory_mb": 64})
    assert problem.is_script and problem.entry_points == (RUN,) and problem.tests.count("assert ") == 1
    assert (problem.cpu_limit_s, problem.memory_mb) == (2.0, 64)
    assert problem_of(IO).cpu_limit_s == own.SCRIPT_CPU_S


def test_rows_with_a_metric_are_held_out_rows():
    problem = problem_of(METRIC)
    assert problem.held_out is not None and problem.held_out.measure == "exact-match"
    assert problem.bench == "mine-00000000"


def test_rows_of_live_code_bench_and_code_contests():
    row = {"question_id": "1873_A", "question_content": "Sum.", "public_test_cases": '[{"input": "1", "output": "1"}]'}
    assert (problem_of(row).task_id, problem_of(row).instruction) == ("1873_A", "Sum.")
    row = {"id": "7", "content": "Sum.", "test": '[{"input": {"stdin": "1"}, "output": {"stdout": "1"}}]'}
    assert (problem_of(row).task_id, problem_of(row).is_script) == ("7", True)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"tests": "import math\nassert math.isclose(area(2), abs(-4))"}, ("area",)),
        ({"tests": "s = make(1)\nassert int(total(s)) == 1"}, ("total", "make")),
        ({"tests": "assert all(f(x) == helper(x) for x in [1])", "setup": "def helper(x): return x"}, ("f",)),
        ({"tests": ["x = [g(1)]", "assert x == [1]"]}, ("g",)),
        ({"tests": "for n in range(3):\n    assert f(n) == n"}, ("f",)),
        ({"tests": "assert f(1) == g(1)", "entry_point": "g"}, ("g", "f")),
        ({"tests": "assert f(K) == 1", "reference": "K = 1\ndef f(x): return x"}, ("f", "K")),
        ({"tests": "def check(candidate):\n    assert candidate(1) == 1", "entry_point": "f"}, ("f",)),
    ],
)
def test_names_that_tests_call(row, names):
    problem = problem_of({**TESTS, **row})
    assert (problem.entry_point, problem.entry_points) == (names[0], names)


def test_the_check_of_human_eval_is_called():
    tests = "def check(candidate):\n    assert candidate(1) == 1"
    assert problem_of({**TESTS, "tests": tests, "entry_point": "f"}).tests.endswith("\ncheck(f)\n")
    called = problem_of({**TESTS, "tests": f"{tests}\ncheck(f)", "entry_point": "f"})
    assert called.tests.count("check(f)") == 1


@pytest.mark.parametrize("body", ["", '    """Its last word."""\n'])
def test_a_prompt_that_is_code_is_continued(body):
    prompt = f"import re\n\ndef last(text):\n{body}"
    problem = problem_of({**TESTS, "prompt": prompt})
    assert problem.prompt == problem.prompt_code == prompt
    assert problem_of({**TESTS, "prompt": "def other(x):\n"}).prompt_code == ""


MISSING = [
    ({"prompt": None}, "no field 'prompt'"),
    ({"task_id": None}, "no field 'task_id'"),
    ({"tests": None}, "no field 'tests', 'io' or 'metric'"),
]


@pytest.mark.parametrize(("change", "words"), MISSING)
def test_a_missing_field_is_named_with_its_row(tmp_path, change, words):
    row = {key: value for key, value in {**TESTS, **change}.items() if value is not None}
    with pytest.raises(MissingInputError, match=f"row 2: {words}") as caught:
        load(tmp_path, [{**TESTS, "task_id": "t/0"}, row])
    assert "docs/scoring.md" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({**TESTS, "io": IO["io"]}, "it has tests and inputs with outputs"),
        ({**TESTS, "metric": "bleu"}, "it has tests and a metric"),
        ({**TESTS, "tests": 3}, "tests must be a text"),
        ({**TESTS, "tests": " \n"}, "tests is empty"),
        ({**TESTS, "tests": "assert ("}, "tests is not Python"),
        ({**TESTS, "tests": "assert 1 == 1"}, "the tests call no function"),
        ({**TESTS, "entry_point": "first"}, "don't use the entry point first"),
        ({**TESTS, "tests": "def check(candidate):\n    assert candidate(1)"}, "no field 'entry_point'"),
        ({**TESTS, "reference": "def first(t): return t"}, "call nothing that the reference defines"),
        ({**TESTS, "reference": "def last("}, "reference is not Python"),
        ({**TESTS, "prompt": " "}, "prompt must be a text that is not empty"),
        ({**TESTS, "prompt": ["x"]}, "prompt must be a text that is not empty"),
        ({**TESTS, "cpu_limit_s": 0}, "cpu_limit_s must be a number from 0.05"),
        ({**TESTS, "cpu_limit_s": "3"}, "cpu_limit_s must be a number"),
        ({**IO, "memory_mb": 1}, "memory_mb must be a number from 32"),
        ({**IO, "memory_mb": True}, "memory_mb must be a number"),
        ({**IO, "io": [{"stdin": "1"}]}, "io, case 1 has no field 'stdout'"),
        ({**METRIC, "metric": "nice"}, "metric must be one of"),
        ({**METRIC, "reference": 3}, "must be strings"),
        ({**TESTS, "mode": "fast"}, "mode must be split or inproc"),
    ],
)
def test_broken_rows_are_named(tmp_path, row, words):
    with pytest.raises(MissingInputError, match=words) as caught:
        load(tmp_path, [row])
    assert "row 1" in caught.value.message


def test_a_metric_and_tests_do_not_mix_in_a_file(tmp_path):
    with pytest.raises(MissingInputError, match="row 3 has a metric and row 1 has tests"):
        load(tmp_path, [TESTS, IO, METRIC])
    assert len(load(tmp_path, [TESTS, IO]).problems) == 2


def test_an_empty_file_and_one_id_for_two_problems(tmp_path):
    with pytest.raises(MissingInputError, match="contains no problem"):
        load(tmp_path, [])
    with pytest.raises(MissingInputError, match="two different problems with the id"):
        load(tmp_path, [TESTS, {**TESTS, "prompt": "Another."}])


def test_the_rows_need_their_file():
    with pytest.raises(MissingInputError, match="a file of your own"):
        SAMPLED["mine-00000000"].load()


def test_the_files_of_a_folder_are_read_together(tmp_path):
    write_lines(tmp_path / "a.jsonl", [TESTS])
    write_lines(tmp_path / "b.jsonl", [IO])
    loaded = SAMPLED[own_name(tmp_path)].load(tmp_path)
    assert [problem.task_id for problem in loaded.problems] == ["t/1", "i/1"]


def test_what_few_problems_have_is_kept_in_their_rows():
    for problem in map(problem_of, (TESTS, {**IO, "memory_mb": 64}, METRIC)):
        assert Problem.from_row(problem.to_row(), "here") == problem
    assert {"is_script", "memory_mb", "held_out"}.isdisjoint(problem_of(TESTS).to_row())


def test_published_contest_rows():
    path = shared_data() / "code_contests/derived/code_eval_code_contests.jsonl"
    problems = SAMPLED[own_name(path)].load(path).problems
    assert len(problems) == 11 and all(problem.is_script for problem in problems)
    assert min(problem.tests.count("assert ") for problem in problems) == 35
