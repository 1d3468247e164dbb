"""Levels have an order, expressions name one, and a row below it has a reason."""

import pytest

from coma_cli.drop_reasons import require_known
from coma_cli.instructions.proving.levels import LEVELS, Proof, level_to_keep, missed


@pytest.mark.parametrize(("text", "level"), [("proof>=ran", "ran"), (" proof >= cross-checked ", "cross-checked")])
def test_an_expression_names_the_least_level(text, level):
    assert level_to_keep(text) == level


@pytest.mark.parametrize("text", ["", "ran", "proof>ran", "proof>=", "proof>=perfect", "proof>=ran or more"])
def test_other_expressions_are_refused(text):
    with pytest.raises(ValueError, match="proof>=LEVEL"):
        level_to_keep(text)


def test_the_reason_is_the_first_level_that_is_missing():
    assert missed(Proof("none"), "tested") == "does-not-parse"
    assert missed(Proof("parsed"), "tested") == "does-not-run"
    assert missed(Proof("called"), "tested") == "not-tested"
    assert missed(Proof("called"), "cross-checked") == "not-tested"
    for number, level in enumerate(LEVELS):
        for wanted in LEVELS[number + 1 :]:
            assert not Proof(level).reaches(wanted)
            require_known(missed(Proof(level), wanted))


@pytest.mark.parametrize(
    ("groups", "agreement", "agreeing", "best"),
    [
        ((), None, 0, 0),
        ((0, 0, 1), "majority", 2, 0),
        ((0, 0, 1, 1), "minority", 2, 0),
        ((0, 1, 1), "none", 1, 1),
        ((0, 1, 2, 2, 1), "none", 1, 1),
        ((0, 0, 1, 1, 1), "minority", 2, 2),
        ((0, 1, 2), "none", 1, 0),
        ((-1, 0, 0), "none", 0, 1),
        ((-1, -1, 0), "nothing-to-compare", 0, 0),
        ((0, -1), "nothing-to-compare", 1, 0),
    ],
)
def test_programs_agree_in_groups_and_one_of_the_largest_is_kept(groups, agreement, agreeing, best):
    proof = Proof("called", groups=groups)
    assert (proof.agreement, proof.agreeing, proof.best_program) == (agreement, agreeing, best)


def test_programs_that_do_not_agree_are_the_reason_where_agreement_is_wanted():
    assert missed(Proof("called", groups=(0, 1)), "cross-checked") == "not-cross-checked"
    assert missed(Proof("called", groups=(0, 1)), "tested") == "not-tested"
