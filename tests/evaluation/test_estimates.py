"""pass@k as people read it: what a summary holds of an estimate, and the words and digits it is shown with."""

import pytest

from coma_cli.evaluation.estimates import DEFAULT_KS, Estimate, cells
from coma_cli.evaluation.pass_at_k import PassAtK, Tally, pass_at_k


def shown(result: PassAtK) -> tuple[str, str, str]:
    return cells(Estimate.of(result).model_dump(mode="json"))


def test_the_record_holds_what_was_computed():
    result = PassAtK(10, 0.25, (0.125, 0.5), "bootstrap", 0, 0.75)
    assert Estimate.of(result).model_dump() == {
        "value": 0.25,
        "ci95": (0.125, 0.5),
        "method": "bootstrap",
        "undefined_problems": 0,
        "sampling_share": 0.75,
    }


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (PassAtK(1, 0.123456, (0.1, 0.15), "bootstrap", 0, 0.256), ("12.35 %", "10.00 to 15.00 %", "26 %")),
        (PassAtK(1, 1.0, (0.97771, 1.0), "exact", 0, None), ("100.00 %", "97.77 to 100.00 %, exact", "")),
        (PassAtK(1, 0.0, (0.0, 0.00004), "bootstrap", 0, 0.0), ("0.00 %", "0.00 to 0.00 %", "0 %")),
        (PassAtK(1, 0.5, (0.4, 0.6), "bootstrap", 0, 1.0), ("50.00 %", "40.00 to 60.00 %", "100 %")),
        (PassAtK(100, None, None, None, 1, None), ("not defined", "1 problem has fewer samples", "")),
        (PassAtK(100, None, None, None, 164, None), ("not defined", "164 problems have fewer samples", "")),
    ],
)
def test_percent_with_two_digits_and_the_reason_where_there_is_no_number(result, expected):
    assert shown(result) == expected


def test_what_is_computed_can_be_shown():
    table = [Tally(10, i % 11) for i in range(22)]
    value, interval, share = shown(pass_at_k(table, 1))
    assert value == "50.00 %"
    low, high = map(float, interval.removesuffix(" %").split(" to "))
    assert 30 < low < 50 < high < 70
    assert 0 < int(share.removesuffix(" %")) < 100


def test_the_usual_ks():
    assert DEFAULT_KS == (1, 10, 100)
