import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.evaluation.measuring.groups import Measuring
from coma_cli.evaluation.measuring.paired import differences

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
    return found


def match(first, second):
    (one,) = [d for d in differences(PROBLEMS, measured(first), measured(second), seed=0) if d.metric == "exact-match"]
    return one


def test_the_same_answers_differ_by_nothing():
    some = dict(enumerate([*TEXTS[:7], *(["no"] * 13)]))
    one = match(some, some)
    assert (one.first, one.second, one.value, one.interval, one.rows) == (0.35, 0.35, 0, (0, 0), 20)


def test_rows_are_paired():
    """Ten rows are easy for both; the one that changes is all that the interval of the difference is about."""
    base = dict(enumerate([*TEXTS[:10], *(["no"] * 10)]))
    tuned = {**base, 10: TEXTS[10]}
    one = match(base, tuned)
    assert one.value == pytest.approx(0.05) and one.interval[0] == 0 and one.interval[1] < 0.2
    assert match(tuned, base).value == pytest.approx(-0.05)


def test_a_gain_on_most_rows_has_an_interval_above_0():
    one = match(dict(enumerate(["no"] * 20)), dict(enumerate([*TEXTS[:12], *(["no"] * 8)])))
    assert one.value == pytest.approx(0.6) and 0.3 < one.interval[0] < 0.6 < one.interval[1] < 0.9


def test_only_rows_that_both_answered_count_and_samples_of_a_row_count_once():
    one = match({0: TEXTS[0], 1: "no", 2: "no"}, {1: [TEXTS[1], "no"], 2: ["no", "no"]})
    assert (one.rows, one.first, one.second) == (2, 0, 0.25)


def test_corpus_metrics_are_those_of_all_rows_together():
    problems = [
        problem_of({**row, "task": "code-repair", "output": f"def f():\n    {text}\n    return 1\n"})
        for row, text in zip(ROWS, TEXTS, strict=True)
    ]
    measuring = Measuring(problems, {})
    right = [measuring.take(Candidate(p.task_id, 0.0, 0, p.reference, False, "stop", "")) for p in problems]
    wrong = [measuring.take(Candidate(p.task_id, 0.0, 1, "pass", False, "stop", "")) for p in problems]
    found = {one.metric: one for one in differences(problems, wrong, right, seed=0)}
    assert set(found) == {"exact-match", "bleu", "codebleu"}
    assert found["bleu"].second == pytest.approx(1) and found["codebleu"].interval[0] > 0.5
