import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, LoadedBenchmark
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import REASON, contamination, decontaminate, index_of
from coma_cli.errors import MissingInputError
from coma_cli.records import Problem
from tests.corpus.rows import SOLUTION, example
from tests.requirements import shared_data


def problem(task_id, prompt, reference, prompt_code=""):
    return Problem(
        task_id=task_id,
        bench="b",
        prompt=prompt,
        instruction=prompt,
        prompt_code=prompt_code,
        tests="",
        reference=reference,
        cpu_limit_s=1,
    )


TEXT = "Write a function that finds the longest common prefix of several words in a list."


@pytest.fixture
def index():
    made = BenchmarkIndex()
    made.add(
        "b", [problem("b/1", TEXT, SOLUTION), problem("b/2", "Say which of two words is longer.", "def f(a, b): pass")]
    )
    return made


def hits(rows, index):
    skipped, evidence = [], []
    kept = [row.id for row in decontaminate(rows, index, skipped.append, evidence.append)]
    assert [row.id for row in skipped] == [row.id for row in evidence]
    assert {row.reason for row in skipped} <= {REASON}
    return kept, evidence


def test_a_row_that_holds_a_problem_goes_with_its_evidence(index):
    kept, (evidence,) = hits([example(1), example(2, instruction=f"Hello. {TEXT.upper()}")], index)
    assert kept == ["row-1"]
    assert (evidence.bench, evidence.problem, evidence.part, evidence.where) == ("b", "b/1", "problem", "question")
    assert evidence.shared == "write a function that finds the longest common prefix of several words in a list"


def test_a_solution_is_found_with_other_layout_and_comments(index):
    copy = SOLUTION.replace("    ", "\t").replace("return first[:n]", "return first[:n]  # found it")
    (evidence,) = hits([example(1, output=copy)], index)[1]
    assert (evidence.part, evidence.where, evidence.problem) == ("solution", "answer", "b/1")


def test_nine_shared_words_are_no_evidence(index):
    nine = "finds the longest common prefix of several words in"
    assert len(nine.split()) == 9
    assert hits([example(1, input=nine)], index)[1] == []
    assert hits([example(1, input=nine + " a")], index)[1] != []


def test_a_short_problem_is_found_as_a_whole(index):
    (evidence,) = hits([example(1, instruction="Please say which of two words is longer, in Python.")], index)[1]
    assert (evidence.problem, evidence.shared) == ("b/2", "say which of two words is longer")
    assert hits([example(1, instruction="Say which of two words is best.")], index)[1] == []


def test_numbers_alone_are_no_evidence():
    index = BenchmarkIndex()
    index.add("b", [problem("b/1", "sort [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] now please", "x")])
    assert index.find("a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]") is None


def test_what_three_problems_share_is_an_idiom():
    idiom = "for row in range(height): for column in range(width): total += table[row][column]"
    for count, found in ((2, True), (3, False)):
        index = BenchmarkIndex()
        index.add("b", [problem(f"b/{n}", f"Problem number {n}.", f"{idiom}\nreturn other_{n}") for n in range(count)])
        assert (index.find(idiom) is not None) is found


def test_prompt_code_belongs_to_the_problem_and_not_to_the_solution():
    prompt = 'def area(width, height):\n    """Return the area of a rectangle given its two sides as numbers."""\n'
    index = BenchmarkIndex()
    index.add("b", [problem("b/1", prompt, prompt + "    return width * height", prompt_code=prompt)])
    owner, _ = index.find(prompt)
    assert owner.part == "problem"


def test_the_same_benchmarks_are_indexed_once():
    problems = BENCHMARKS["humaneval"].load().problems[:3]
    one, other = (LoadedBenchmark("own", problems[:n], "here", str(n)) for n in (2, 3))
    first = index_of([one])
    assert index_of([one]) is first
    assert index_of([other]).problems["own"] == 3
    assert index_of([one]) is not first
    assert index_of([]).problems["humaneval"] == 164


def test_a_benchmark_without_problems_is_an_error():
    with pytest.raises(MissingInputError, match="has 0 problems") as error:
        BenchmarkIndex().add("mbpp", [])
    assert error.value.exit_code == 3


def test_every_problem_of_humaneval_is_found_verbatim():
    loaded = BENCHMARKS["humaneval"].load()
    index = BenchmarkIndex()
    index.add(loaded.name, loaded.problems)
    assert index.problems["humaneval"] == 164
    assert index.bare["humaneval"] == 0
    for planted in loaded.problems:
        row = example(1, instruction="Complete this.", input=planted.prompt, output=planted.reference)
        assert contamination(row, index) is not None, planted.task_id
        renamed = example(1, instruction=planted.prompt.replace("    ", "\t"), output="pass it")
        assert contamination(renamed, index) is not None, planted.task_id


def test_every_problem_of_mbpp_is_found_by_its_text_alone():
    loaded = BENCHMARKS["mbpp"].load(shared_data())
    index = BenchmarkIndex()
    index.add(loaded.name, loaded.problems)
    for planted in loaded.problems:
        statement = planted.prompt.splitlines()[1]
        assert contamination(example(1, instruction=statement), index) is not None, planted.task_id
