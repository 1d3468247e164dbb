import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.near import Pairs, are_near, jaccard
from coma_cli.corpus.dedup.prefilter import BUCKETS, most_in_common, prefilters
from tests.corpus.dedup.texts import RULES, mutated, rows_of, text

SETS = st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 300).map(lambda n: n * BUCKETS), max_size=400)


def bound(one, other):
    """What the outlines of two sets say that they have in common at most."""
    sizes = np.array([len(one), len(other)])
    made = prefilters(np.array([*sorted(one), *sorted(other)], dtype=np.uint32), sizes)
    return int(most_in_common(made[:1], sizes[:1], made[1:], sizes[1:])[0])


@given(SETS, SETS)
def test_two_sets_never_have_more_in_common_than_their_outlines_say(one, other):
    assert len(one & other) <= bound(one, other) <= min(len(one), len(other))


def test_a_bucket_may_hold_more_than_an_outline_counts():
    one, other = ({BUCKETS * n for n in range(size)} for size in (700, 300))
    assert bound(one, other) == len(one & other) == 300
    assert bound(one, one) == 700


def test_sets_that_share_no_bucket_have_nothing_in_common():
    assert bound({0, BUCKETS}, {1, BUCKETS + 1}) == 0


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 40)), min_size=2, max_size=6), st.floats(0.3, 1.0))
def test_who_is_near_is_what_the_sets_say(made, threshold):
    fingerprints = Fingerprints.of(
        rows_of([mutated(text(seed % 3), changes, seed).replace(".", "") for seed, changes in made]), RULES
    )
    count = len(fingerprints.by_text.rows)
    first, second = (side.ravel() for side in np.meshgrid(np.arange(count), np.arange(count)))
    pairs = Pairs(first, second)
    assert (
        are_near(fingerprints.by_text, pairs, threshold).tolist()
        == (jaccard(fingerprints.by_text, pairs) >= threshold).tolist()
    )


@pytest.mark.parametrize("size", [80, 400])
def test_texts_that_differ_in_half_of_their_words_are_told_apart_without_their_sets(size):
    fingerprints = Fingerprints.of(
        rows_of([text(1, size), mutated(text(1, size), size // 8, 2).replace(".", "")]), RULES
    ).by_text
    common = most_in_common(
        fingerprints.prefilters[:1], fingerprints.sizes[:1], fingerprints.prefilters[1:], fingerprints.sizes[1:]
    )
    found = jaccard(fingerprints, Pairs(np.array([0]), np.array([1])))[0]
    assert found < 0.5
    assert common[0] / (fingerprints.sizes.sum() - common[0]) < RULES.threshold
