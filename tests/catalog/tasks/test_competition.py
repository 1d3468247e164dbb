from dataclasses import replace

from coma_cli.catalog.material import ContestSolution
from coma_cli.catalog.tasks import TASKS, competition
from coma_cli.corpus.examples import make_example
from coma_cli.records import Origin

PROBLEM = ContestSolution(
    language="cpp",
    name="1_A. Sum",
    statement="Read two integers and print their sum.\n\nExample\n\nInput\n\n1 2\n\nOutput\n\n3",
    solution="#include <iostream>\nint main() {\n  int a, b;\n  std::cin >> a >> b;\n  std::cout << a + b;\n}",
    licence="CC-BY-4.0",
    origin=Origin(path="train-00000.parquet", row="1_A. Sum (cpp)", split="train"),
)


def made(problem, seed=0):
    return make_example(TASKS["competition"], problem, "code_contests", seed)


def test_golden_competition():
    row = made(PROBLEM)
    assert (row.id, row.language, row.licence) == ("0462bebafba09601989f", "cpp", "CC-BY-4.0")
    assert row.instruction == "The following problem comes from a contest archive. Solve it with a C++ program."
    assert (row.input, row.output) == (PROBLEM.statement, PROBLEM.solution)


def test_python_2_is_called_so():
    for seed in range(20):
        assert "Python 2" in made(replace(PROBLEM, language="python2"), seed).instruction


def test_about_thirty_wordings_are_ours_and_all_are_used():
    assert 30 <= len(competition.WORDINGS["en"]) <= 36
    assert len({made(PROBLEM, seed).instruction for seed in range(600)}) == len(competition.WORDINGS["en"])


def test_a_chinese_statement_is_asked_about_in_chinese():
    row = made(replace(PROBLEM, text_language="cn", statement="读取两个整数并输出它们的和。"))
    assert row.text_language == "cn"
    assert row.instruction in {wording.replace("{language}", "C++") for wording in competition.WORDINGS["cn"]}
