import numpy as np
import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.evaluation.comparing.difference import ComparisonRules
from coma_cli.evaluation.comparing.proportions import score_interval
from coma_cli.evaluation.measuring.groups import Measuring
from coma_cli.evaluation.measuring.paired import MeasuredAnswers, differences, row_flips

TEXTS = [f"x = value_{number}" for number in range(20)]
ROWS = [
    {
        "id": f"row-{n}",
        "task": "line-completion",
        "instruction": "Go on.",
        "input": "",
        "output": text,
        "language": "python",
    }
    for n, text in enumerate(TEXTS)
]
PROBLEMS = [problem_of(row) for row in ROWS]


def measured(answers):
    """The measurements of answers by row; a row may have several."""
    measuring, found = Measuring(PROBLEMS, {}), []
    for number, texts in answers.items():
        for index, text in enumerate([texts] if isinstance(texts, str) else texts):
            found.append(measuring.take(Candidate(f"row-{number}", 0.0, index, text, False, "stop", "")))
    return MeasuredAnswers(found)


def compared(problems, first, second):
    """The differences by metric."""
    return {one.measure: one for one in differences(problems, first, second, ComparisonRules())}


def match(first, second):
    return compared(PROBLEMS, measured(first), measured(second))["exact-match"]


def test_the_same_answers_differ_by_nothing():
    some = dict(enumerate([*TEXTS[:7], *(["no"] * 13)]))
    one = match(some, some)
    assert (one.first, one.second, one.difference, one.problems) == (0.35, 0.35, 0, 20)
    assert one.ci95 == score_interval(0, 0, 20), "20 rows alike do not prove that no row would differ"


def test_rows_are_paired():
    """Ten rows are easy for both; the one that changes is all that the interval of the difference is about."""
    base = dict(enumerate([*TEXTS[:10], *(["no"] * 10)]))
    tuned = {**base, 10: TEXTS[10]}
    one = match(base, tuned)
    assert one.difference == pytest.approx(0.05) and -0.13 < one.ci95[0] < 0 and one.ci95[1] < 0.25
    assert (one.won, one.lost, one.test) == (1, 0, "mcnemar")
    assert match(tuned, base).difference == pytest.approx(-0.05)


def test_a_gain_on_most_rows_has_an_interval_above_0():
    one = match(dict(enumerate(["no"] * 20)), dict(enumerate([*TEXTS[:12], *(["no"] * 8)])))
    assert one.difference == pytest.approx(0.6) and 0.3 < one.ci95[0] < 0.6 < one.ci95[1] < 0.9
    assert one.result == "better"


def test_only_rows_that_both_answered_count_and_samples_of_a_row_count_once():
    one = match({0: TEXTS[0], 1: "no", 2: "no"}, {1: [TEXTS[1], "no"], 2: ["no", "no"]})
    assert (one.problems, one.first, one.second, one.test) == (2, 0, 0.25, "swap")


def test_corpus_metrics_are_those_of_all_rows_together():
    problems = [
        problem_of({**row, "task": "code-repair", "output": f"def f():\n    {text}\n    return 1\n"})
        for row, text in zip(ROWS, TEXTS, strict=True)
    ]
    measuring = Measuring(problems, {})
    right = [measuring.take(Candidate(p.task_id, 0.0, 0, p.reference, False, "stop", "")) for p in problems]
    wrong = [measuring.take(Candidate(p.task_id, 0.0, 1, "pass", False, "stop", "")) for p in problems]
    found = compared(problems, MeasuredAnswers(wrong), MeasuredAnswers(right))
    assert set(found) == {"exact-match", "bleu", "codebleu"}
    assert found["bleu"].second == pytest.approx(1) and found["codebleu"].ci95[0] > 0.5
    assert found["bleu"].result == "better" and found["bleu"].p < 0.001 and found["bleu"].task == "code-repair"


def test_metrics_of_one_task_share_draws_and_keep_their_own_statistics():
    """Edit similarity comes after exact match in the statistics, and comes out as by itself."""
    first, second = dict(enumerate(["x = other"] * 20)), dict(enumerate([*TEXTS[:12], *(["x = other"] * 8)]))
    one = compared(PROBLEMS, measured(first), measured(second))["edit-similarity"]
    figures = [
        np.array([row.metrics["edit-similarity"] for row in measured(answers).measurements])
        for answers in (first, second)
    ]
    assert one.difference == pytest.approx(np.mean(figures[1] - figures[0]))
    half = 2.093 * np.std(figures[1] - figures[0]) / np.sqrt(19)  # t(0.975, 19) standard errors
    assert np.diff(one.ci95)[0] == pytest.approx(2 * half, rel=0.1)


def test_mrr_is_compared_where_log_probabilities_are_known():
    problem = problem_of({
        **ROWS[0], "task": "code-search", "output": "a + b", "input": '["a + b", "a - b"]'
    })  # fmt: skip
    rows = [
        Measuring([problem], {}).take(Candidate("row-0", 0.0, 0, text, False, "stop", ""))
        for text in ("a - b", "a + b")
    ]
    unknown = compared([problem], *(MeasuredAnswers([row]) for row in rows))
    assert set(unknown) == {"accuracy"}
    rankings = ({"row-0": (-2.0, -1.0)}, {"row-0": (-1.0, -2.0)})
    known = compared([problem], *(MeasuredAnswers([row], of) for row, of in zip(rows, rankings, strict=True)))
    assert (known["mrr"].first, known["mrr"].second) == (0.5, 1.0)


def test_rows_that_differ_in_the_first_metric_of_their_task():
    first, second = measured({0: "no", 1: TEXTS[1], 2: ["no", "no"]}), measured({0: "no", 1: "no", 2: [TEXTS[2], "no"]})
    flips = row_flips(PROBLEMS, first, second)
    assert [(flip.task_id, flip.task, flip.change) for flip in flips] == [
        ("row-1", "line-completion", -1),
        ("row-2", "line-completion", 0.5),
    ]
