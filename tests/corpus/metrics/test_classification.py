import pytest

from coma_cli.corpus.metrics.classification import ACCURACY, F1, PRECISION, RECALL, label_of, statistics
from coma_cli.corpus.metrics.metric import Answered

EN, CN = ("yes", "no"), ("有缺陷", "无缺陷")


@pytest.mark.parametrize(
    ("answer", "labels", "expected"),
    [
        ("yes", EN, "yes"),
        (" No.\n", EN, "no"),
        ("**Yes**", EN, "yes"),
        ("Yes, both copy a file.", EN, "yes"),
        ("no\nThe functions differ.", EN, "no"),
        ("“有缺陷”。", CN, "yes"),
        ("无缺陷，代码正确", CN, "no"),
        ("", EN, None),
        ("maybe", EN, None),
        ("yes and no", EN, None),
        ("Yes, but also no.", EN, None),
        ("yesterday", EN, None),
        ("Nothing is wrong", EN, None),
        ("I think yes", EN, None),
        ("not sure, no", EN, None),
        ("有缺陷，不对，是无缺陷", CN, None),
        ("yes", CN, None),
    ],
)
def test_an_answer_is_a_label_only_if_it_says_so(answer, labels, expected):
    assert label_of(answer, labels) == expected


def rows(*pairs: tuple[str, str]) -> list[Answered]:
    return [Answered(answer, reference, labels=EN) for answer, reference in pairs]


def test_figures_by_hand():
    # Predicted yes: rows 1, 2, 4 (TP 2); actual yes: rows 1, 3, 4, 5; right: 1, 4, 6. Row 5 is neither label.
    # accuracy 3/6; precision 2/3; recall 2/4; F1 = 2 * 2 / (3 + 4) = 4/7.
    given = rows(("yes", "yes"), ("yes", "no"), ("no", "yes"), ("yes", "yes"), ("perhaps", "yes"), ("no", "no"))
    assert ACCURACY.of(given) == pytest.approx(3 / 6)
    assert PRECISION.of(given) == pytest.approx(2 / 3)
    assert RECALL.of(given) == pytest.approx(2 / 4)
    assert F1.of(given) == pytest.approx(4 / 7)
    assert sum(statistics(row)[5] for row in given) == 1


def test_an_answer_that_is_neither_label_is_never_right():
    assert ACCURACY.of(rows(("perhaps", "no"))) == 0
    assert ACCURACY.of(rows(("perhaps", "yes"))) == 0


def test_without_any_yes_precision_recall_and_f1_are_0_as_in_scikit_learn():
    given = rows(("no", "no"), ("no", "no"))
    assert [metric.of(given) for metric in (ACCURACY, PRECISION, RECALL, F1)] == [1, 0, 0, 0]


def test_a_reference_that_is_no_label_is_an_error():
    with pytest.raises(ValueError, match="not a label"):
        statistics(Answered("yes", "off-by-one", labels=EN))
