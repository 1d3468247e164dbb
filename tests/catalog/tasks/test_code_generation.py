from tests.catalog.tasks.materials import EXERCISE, INSTRUCTION, MEAN, MEAN_CODE, made


def test_golden_generation_from_a_function():
    row = made("code-generation", MEAN)
    assert row.id == "c1f4d7fca8a3d7605269"
    assert (
        row.instruction
        == "I need a Python function with this signature. Return the mean of some numbers.\nThere has to be one."
    )
    assert (row.input, row.output) == ("def mean(values):", MEAN_CODE)


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


def test_text_with_braces_is_left_as_it_is():
    from dataclasses import replace

    odd = replace(MEAN, description="Fill {language} and {text} in.")
    assert "Fill {language} and {text} in." in made("code-generation", odd).instruction
