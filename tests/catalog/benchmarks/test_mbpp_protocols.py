"""MBPP's protocols: what is shown of a problem, the examples of the paper, and the rows that they are made from."""

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.evalplus_prompt import requesting
from coma_cli.catalog.benchmarks.mbpp import full_problem
from coma_cli.catalog.benchmarks.mbpp_protocols import (
    EXAMPLES,
    PROTOCOLS,
    capybara_prompt,
    evalplus_prompt,
    three_shot_prompt,
)
from tests.requirements import shared_data

BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}
ROW = {
    "task_id": 11,
    "text": "Write a function to add two numbers. ",
    "code": "def add(a, b):\r\n    return a + b",
    "test_setup_code": "",
    "test_list": ["assert add(1, 2) == 3", "assert add(2, 2) == 4 ", "assert add(0, 0) == 0"],
}
TASK = (
    "You are an expert Python programmer, and here is your task: Write a function to add two numbers.  Your code "
    "should pass these tests:\n\nassert add(1, 2) == 3\nassert add(2, 2) == 4 \nassert add(0, 0) == 0\n"
)


def test_the_prompt_of_codecapybara_shows_the_row_as_published():
    assert capybara_prompt(full_problem(ROW)) == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        f"\n\n### Instruction:\n{TASK}\n\n### Response:\n"
    )


def test_three_examples_then_the_problem():
    prompt = three_shot_prompt(full_problem(ROW))
    assert prompt.endswith(f"[DONE]\n\n{TASK}[BEGIN]\n")
    assert [prompt.count(mark) for mark in ("[BEGIN]", "[DONE]", "You are an expert")] == [4, 3, 4]
    assert BY_NAME["three-shot"].stops == ("[DONE]",)


def test_the_examples_are_the_published_tasks_2_3_and_4():
    from coma_cli.jsonl import read_rows

    rows = {row["task_id"]: row for row in read_rows(shared_data() / "mbpp" / "mbpp.jsonl")}
    for number, (text, tests, code) in zip((2, 3, 4), EXAMPLES, strict=True):
        row = rows[number]
        assert (text, list(tests), code) == (row["text"], row["test_list"], row["code"].replace("\r\n", "\n"))


def test_evalplus_shows_the_first_assertion_alone():
    problem = full_problem(ROW)
    expected = '"""\nWrite a function to add two numbers.\nassert add(1, 2) == 3\n"""\n'
    assert evalplus_prompt(problem) == expected
    assert expected.strip() in requesting(evalplus_prompt)(problem)
    plus = problem.model_copy(update={"bench": "mbpp+", "prompt": '"""\nAs published.\n"""\n'})
    assert evalplus_prompt(plus) == plus.prompt


def test_parts_of_a_row_are_in_no_file():
    assert not {"description", "assertions"} & full_problem(ROW).to_row().keys()


def test_every_benchmark_of_the_family_has_them():
    for name in ("mbpp", "mbpp-sanitized", "mbpp+"):
        assert BENCHMARKS[name].protocols is PROTOCOLS
