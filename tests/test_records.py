import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.errors import MissingInputError
from coma_cli.records import Sample, Verdict, row_seed, sample_key

SAMPLE = {"task_id": "HumanEval/3", "temperature": 0.2, "index": 7, "completion": "x", "finish_reason": "stop"}


def test_a_row_comes_back_as_it_was():
    sample = Sample(**SAMPLE)
    assert Sample.from_row(sample.to_row(), "here") == sample
    assert sample.key == "HumanEval/3|0.2|7"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"finish_reason": "bored"}, "finish_reason"),
        ({"index": "many"}, "index"),
        ({"surprise": 1}, "surprise"),
        ({"completion": None}, "completion"),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_its_origin(change, message):
    with pytest.raises(MissingInputError, match=rf"samples\.jsonl:4: not a row of type Sample .*{message}"):
        Sample.from_row(SAMPLE | change, "samples.jsonl:4")


def test_a_newer_schema_is_refused():
    with pytest.raises(MissingInputError, match="schema 2, this coma reads schema 1"):
        Sample.from_row(SAMPLE | {"schema_version": 2}, "f:1")


def test_volatile_fields_are_those_that_say_how_not_what():
    assert Verdict.volatile_fields() == {"cpu_s", "attempts", "detail", "failed_check"}
    assert not Sample.volatile_fields()


@given(seed=st.integers(0, 2**32), task=st.text(max_size=9), index=st.integers(0, 999))
def test_row_seeds_fit_63_bits_and_depend_on_all_of_their_parts(seed, task, index):
    key = sample_key(task, 0.2, index)
    drawn = row_seed(seed, key)
    assert 0 <= drawn < 2**63
    assert drawn == row_seed(seed, key)
    assert len({drawn, row_seed(seed + 1, key), row_seed(seed, sample_key(task, 0.8, index))}) == 3


def test_a_key_may_hold_halves_of_surrogate_pairs():
    assert row_seed(0, "f\udce4.py") != row_seed(0, "f\udce5.py")
    assert row_seed(0, "plain") == 630281498575017902
