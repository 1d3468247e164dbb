import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.evaluation.measuring.groups import Measuring
from tests.evaluation.measuring.rows import ROWS, row

PROBLEMS = [problem_of(one) for one in ROWS]


def sample(number: int, text: str, index: int = 0, temperature: float = 0.0) -> Candidate:
    return Candidate(f"row-{number}", temperature, index, text, False, "stop", "")


def results_of(*samples: Candidate, problems=PROBLEMS, rankings=None):
    measuring = Measuring(problems, rankings or {})
    for one in samples:
        measuring.take(one)
    return measuring.results(seed=0)


def values(result) -> dict[str, float | None]:
    return {metric.metric: metric.value for metric in result.metrics}


def test_right_answers_have_full_marks_in_every_task():
    right = [sample(number, one["output"]) for number, one in enumerate(ROWS, start=1) if one["id"] != "row-11"]
    for result in results_of(*right, rankings={"row-2": (-2.0, -1.0), "row-3": (-1.0, -2.0, -3.0)}):
        short = {"codebleu"} if result.task == "competition" else set()  # one word has no n-grams of four
        assert all(value == pytest.approx(1) for name, value in values(result).items() if name not in short), result


def test_empty_answers_have_none():
    for result in results_of(*(sample(number, "") for number in range(1, 15))):
        assert all(value in (None, 0.0) or value < 0.2 for value in values(result).values()), result


def test_tasks_ask_for_different_things():
    results = results_of(sample(11, "no"), sample(12, "none"), sample(1, "perhaps"), sample(2, "int c(){}"))
    found = {(one.task, one.measure): (values(one).get("accuracy"), one.neither_label) for one in results}
    assert found == {
        ("clone-detection", "labels"): (0.0, 1),
        ("clone-detection", "choice"): (1.0, None),
        ("defect-detection", "labels"): (1.0, 0),
        ("defect-detection", "word"): (0.0, None),
    }


def test_several_languages_are_told_apart():
    results = results_of(sample(7, "Returns its argument."), sample(8, "无关"))
    assert [(one.language, one.rows) for one in results] == [(None, 2), ("go", 1), ("python", 1)]
    translation = results_of(sample(6, "x"), sample(15, "y"), problems=[*PROBLEMS, problem_of(other_translation())])
    assert [one.language for one in translation] == [None, "java to csharp", "python to java"]


def other_translation():
    return row(15, "code-translation", "int g() {}", "def g(): pass", instruction="Port this Python function to Java.")


def test_each_row_counts_once_however_often_it_was_sampled():
    # Row 4: 1 of 4 samples right; row 16: its only one is right. (1/4 + 1) / 2.
    problems = [*PROBLEMS, problem_of(row(16, "line-completion", "pass", "def f():"))]
    drawn = [sample(4, "return b" if index == 0 else "return a", index) for index in range(4)]
    (result,) = results_of(*drawn, sample(16, "pass"), problems=problems)
    assert values(result)["exact-match"] == pytest.approx(0.625)
    assert (result.rows, result.samples) == (2, 5)


def test_temperatures_are_told_apart():
    results = results_of(sample(4, "return b", temperature=0.8), sample(4, "x"))
    assert [(one.temperature, values(one)["exact-match"]) for one in results] == [(0.0, 0.0), (0.8, 1.0)]


def test_mrr_counts_the_rows_that_have_rankings():
    problems = [*PROBLEMS, problem_of({**ROWS[2], "id": "row-17"})]
    (result,) = results_of(
        sample(3, "a + b"), sample(17, "a - b"), problems=problems, rankings={"row-17": (-5.0, -1.0, -6.0)}
    )
    assert values(result) == {"accuracy": 0.5, "mrr": 0.5}
    assert [metric.rows for metric in result.metrics] == [2, 1]


def test_code_without_a_definition_of_data_flow_is_counted():
    (result,) = results_of(sample(14, "print(input())"))
    codebleu = result.metrics[1]
    assert (codebleu.rows, codebleu.parts["data-flow-match"]) == (0, None)


def test_a_samples_own_figures():
    measuring = Measuring(PROBLEMS, {})
    found = measuring.take(sample(1, "Yes."))
    assert found.metrics == {"accuracy": 1, "precision": 1, "recall": 1, "f1": 1}
    assert found.language == "java"
    assert measuring.take(sample(11, "well")).neither_label
