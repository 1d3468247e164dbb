import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import Exercise, Function, Instruction, Question
from coma_cli.catalog.tasks import TASKS, code_generation, code_search, code_summarization, competition, line_completion
from coma_cli.catalog.tasks.task import make_example
from coma_cli.records import Origin

CODE = "def mean(values):\n    total = sum(values)\n    return total / len(values)"
CUT = (CODE.index("return"), len(CODE))
FUNCTION = Function(
    language="python",
    name="mean",
    header="def mean(values):",
    code=CODE,
    summary="Return the mean of some numbers.",
    description="Return the mean of some numbers.\nThere has to be one.",
    cuts=(CUT,),
    licence="MIT",
    origin=Origin(path="stats.py", row="mean", lines=(1, 4)),
)
EXERCISE = Exercise(
    language="python",
    statement="Add two numbers.",
    tests=("assert add(1, 2) == 3", "assert add(0, 0) == 0"),
    solution="def add(a, b):\n    return a + b",
    licence="CC-BY-4.0",
    origin=Origin(path="mbpp.jsonl", row="task_id 601"),
)
INSTRUCTION = Instruction(
    "sql", "Select all.", "table t", "SELECT * FROM t;", "CC-BY-NC-4.0", Origin(path="x", row="1")
)
WORDINGS = {
    "code-summarization": code_summarization.WORDINGS,
    "line-completion": line_completion.WORDINGS,
    "code-search": code_search.WORDINGS,
    "competition": competition.WORDINGS,
    "code-generation of functions": code_generation.FUNCTION_WORDINGS,
    "code-generation of exercises": code_generation.EXERCISE_WORDINGS,
}


def made(task, material, seed=0):
    return make_example(TASKS[task], material, "test", seed)


@pytest.mark.parametrize("wordings", WORDINGS.values(), ids=WORDINGS)
def test_there_are_eight_wordings_and_more_in_both_languages(wordings):
    for language in ("en", "cn"):
        assert len(set(wordings[language])) == len(wordings[language]) >= 8
        assert all("{language}" in wording for wording in wordings[language])
    assert ["{text}" in w for w in wordings["en"]] == ["{text}" in wordings["en"][0]] * len(wordings["en"])


def test_golden_summarization():
    row = made("code-summarization", FUNCTION)
    assert row.to_row() == {
        "schema_version": 1,
        "id": "71dd97fb3bd46eaa6030",
        "task": "code-summarization",
        "source": "test",
        "language": "python",
        "text_language": "en",
        "instruction": "What does this Python function do?",
        "input": CODE,
        "output": "Return the mean of some numbers.",
        "licence": "MIT",
        "origin": {"path": "stats.py", "row": "mean", "lines": [1, 4], "url": "", "split": "", "detail": ""},
        "made_by": "build-data",
    }


def test_golden_generation_from_a_function():
    row = made("code-generation", FUNCTION)
    assert row.id == "c1f4d7fca8a3d7605269"
    assert (
        row.instruction
        == "I need a Python function with this signature. Return the mean of some numbers.\nThere has to be one."
    )
    assert (row.input, row.output) == ("def mean(values):", CODE)


def test_golden_generation_from_an_exercise():
    row = made("code-generation", EXERCISE)
    assert row.id == "b5da6afca62b46f8fed9"
    assert row.instruction == "Add two numbers.\nAnswer with Python code that passes every assertion."
    assert (row.input, row.output) == ("assert add(1, 2) == 3\nassert add(0, 0) == 0", EXERCISE.solution)


def test_golden_generation_from_an_instruction():
    row = made("code-generation", INSTRUCTION)
    assert (row.id, row.instruction, row.input, row.output) == (
        "c9e3ea6a747f20fc0739",
        "Select all.",
        "table t",
        "SELECT * FROM t;",
    )


def test_golden_completion():
    row = made("line-completion", FUNCTION)
    assert row.id == "feef336ed31e8b0efbae"
    assert row.instruction == "Write the next line of this Python code."
    assert row.input == "def mean(values):\n    total = sum(values)"
    assert row.output == "return total / len(values)"


@pytest.mark.parametrize("task", ["code-summarization", "line-completion", "code-search", "competition"])
@pytest.mark.parametrize("material", [EXERCISE, INSTRUCTION])
def test_a_task_ignores_other_material(task, material):
    assert made(task, material) is None


def test_a_line_that_occurs_before_is_not_a_target():
    code = "def f(self):\n    self.go(self.x)\n    self.go(self.x)"
    cuts = ((code.rindex("self.go"), len(code)),)
    repeated = Function("python", "f", "def f(self):", code, "Go on twice.", "Go on twice.", cuts, "MIT", Origin())
    assert made("line-completion", repeated) is None


def test_chinese_material_is_worded_in_chinese():
    from dataclasses import replace

    row = made("code-summarization", replace(FUNCTION, text_language="cn", summary="返回平均值。"))
    assert row.text_language == "cn"
    assert "Python" in row.instruction
    assert any("\u4e00" <= sign <= "\u9fff" for sign in row.instruction)


@given(st.integers(0, 1000))
def test_the_id_depends_on_content_and_the_wording_on_id_and_seed(seed):
    row = made("code-summarization", FUNCTION, seed)
    assert row.id == made("code-summarization", FUNCTION, 0).id
    assert row == made("code-summarization", FUNCTION, seed)
    chosen = {wording.replace("{language}", "Python") for wording in code_summarization.WORDINGS["en"]}
    assert row.instruction in chosen


def test_all_wordings_are_used():
    used = {made("code-summarization", FUNCTION, seed).instruction for seed in range(300)}
    assert len(used) == len(code_summarization.WORDINGS["en"])


@pytest.mark.parametrize("text_language", ["en", "cn"])
def test_an_unknown_programming_language_drops_out_of_the_wording(text_language):
    question = Question("unspecified", "Sort it.", ("a", "b"), (0,), "MIT", Origin(), text_language)
    asked = {made("code-search", question, seed).instruction for seed in range(100)}
    assert len(asked) == len(code_search.WORDINGS[text_language])
    for instruction in asked:
        assert "  " not in instruction and "{" not in instruction
        assert text_language == "en" or " " not in instruction.replace("Sort it.", "")


def test_wordings_claim_no_length_that_the_answer_may_not_have():
    told = re.compile(r"sentence|few words|short|brief|concise|\bone line\b|一两句|简短|简要|简洁")
    for language in ("en", "cn"):
        assert not [wording for wording in code_summarization.WORDINGS[language] if told.search(wording)]


def test_text_with_braces_is_left_as_it_is():
    from dataclasses import replace

    odd = replace(FUNCTION, description="Fill {language} and {text} in.")
    assert "Fill {language} and {text} in." in made("code-generation", odd).instruction
