import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.minhash import banding, signatures
from coma_cli.corpus.dedup.near import Pairs, are_near, clusters, jaccard, merge, nearest_of
from tests.corpus.dedup.texts import RULES, mutated, rows_of, text
from tests.corpus.rows import example


def true_jaccard(one, other, size=RULES.shingle_tokens):
    def sets(value):
        parts = value.split()
        return {tuple(parts[i : i + size]) for i in range(len(parts) - size + 1)}

    return len(sets(one) & sets(other)) / len(sets(one) | sets(other))


def labels_of(texts, rules=RULES):
    fingerprints = Fingerprints.of(rows_of(texts), rules)
    count = len(texts)
    return clusters(fingerprints.by_text, np.arange(count), rules.threshold, np.ones(count, dtype=bool)).tolist()


@given(st.integers(0, 10_000), st.integers(0, 12))
@settings(max_examples=40)
def test_the_index_is_that_of_the_sets(seed, changes):
    one = text(seed)
    other = mutated(one, changes, seed + 1).replace(".", "")
    fingerprints = Fingerprints.of(rows_of([one, other]), RULES)
    found = jaccard(fingerprints.by_text, Pairs(np.array([0]), np.array([1])))[0]
    assert found == pytest.approx(true_jaccard(one, other))


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("permutations", [64, 128, 256])
def test_bands_propose_nearly_every_pair_at_the_threshold(threshold, permutations):
    bands, rows = banding(threshold, permutations)
    assert bands * rows <= permutations
    assert 1 - (1 - threshold**rows) ** bands >= 0.995


def test_the_share_of_equal_values_estimates_the_index():
    base = np.random.default_rng(1).integers(0, 1 << 32, 1200, dtype=np.uint32)
    sets = [base[:1000], base[200:1200]]  # index 800 / 1200
    values = signatures(np.concatenate(sets), np.array([0, 1000]), 1024)
    assert (values[0] == values[1]).mean() == pytest.approx(800 / 1200, abs=0.05)


def test_pairs_above_the_threshold_are_found_and_none_below():
    texts, planted = [], []
    for seed in range(300):
        one = text(seed)
        other = mutated(one, seed % 5, seed).replace(".", "")
        planted.append((len(texts), len(texts) + 1, true_jaccard(one, other)))
        texts += [one, other]
    labels = labels_of(texts)
    near = [(a, b) for a, b, index in planted if index >= RULES.threshold]
    far = [(a, b) for a, b, index in planted if index < RULES.threshold]
    assert len(near) > 100
    assert len(far) > 60
    assert sum(labels[a] == labels[b] for a, b in near) >= 0.99 * len(near)
    assert not any(labels[a] == labels[b] for a, b in far)


def test_clusters_are_transitive_and_named_by_their_first_row():
    one = text(1, 100)
    chain = [one]
    for step in range(4):
        chain.append(mutated(chain[-1], 1, step).replace(".", ""))
    assert true_jaccard(chain[0], chain[4]) < RULES.threshold
    assert labels_of([text(2), *chain, text(3)]) == [0, 1, 1, 1, 1, 1, 6]


@given(st.permutations(range(12)))
@settings(max_examples=25)
def test_which_rows_belong_together_does_not_depend_on_their_order(order):
    texts = [mutated(text(n // 3), n % 3, n).replace(".", "") for n in range(12)]
    expected = labels_of(texts)
    found = labels_of([texts[n] for n in order])
    together = {frozenset(i for i in range(12) if expected[i] == root) for root in expected}
    assert {frozenset(order[i] for i in range(12) if found[i] == root) for root in found} == together


def test_a_crowd_that_shares_one_text_is_one_cluster():
    same = text(5)
    assert labels_of([same] * 500) == [0] * 500


def test_rows_of_other_groups_are_strangers_but_not_to_a_search_across():
    one = text(1)
    rows = [
        example(0, input=one),
        example(1, input=one, language="java"),
        example(2, input=one, task="clone-detection"),
    ]
    fingerprints = Fingerprints.of(rows, RULES)
    everyone = np.ones(3, dtype=bool)
    assert clusters(fingerprints.by_text, np.arange(3), 0.8, everyone).tolist() == [0, 1, 2]
    wanted, against = np.array([False, True, True]), np.array([True, False, False])
    assert nearest_of(fingerprints.by_text, wanted, against, 0.8, 3).tolist() == [-1, 0, 0]


def test_rows_that_take_no_part_link_nothing():
    one = text(1, 100)
    chain = [one, mutated(one, 2, 1).replace(".", "")]
    chain.append(mutated(chain[1], 2, 2).replace(".", ""))
    fingerprints = Fingerprints.of(rows_of(chain), RULES)
    alive = np.array([True, False, True])
    assert clusters(fingerprints.by_text, np.arange(3), 0.8, alive).tolist() == [0, 1, 2]


def test_answers_that_are_labels_keep_twins_apart():
    one, other = text(1), mutated(text(1), 1, 1).replace(".", "")
    rows = [example(0, input=one, output="yes"), example(1, input=other, output="no")]
    fingerprints = Fingerprints.of(rows, RULES)
    assert clusters(fingerprints.by_text, np.arange(2), 0.8, np.ones(2, dtype=bool)).tolist() == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_joined_labels_are_the_first_of_their_component(pairs):
    labels = np.arange(10)
    for first, second in pairs:
        labels = merge(labels, np.array([first]), np.array([second]))
    at_once = merge(
        np.arange(10), np.array([a for a, _ in pairs], dtype=int), np.array([b for _, b in pairs], dtype=int)
    )
    assert labels.tolist() == at_once.tolist()
    for row, label in enumerate(labels):
        assert label <= row
        assert labels[label] == label


def test_prints_do_not_depend_on_how_rows_are_batched():
    rows = rows_of([text(n, 20 + n) for n in range(300)])
    whole = Fingerprints.of(rows, RULES)
    halves = [Fingerprints.of(rows[:100], RULES), Fingerprints.of(rows[100:], RULES)]
    assert np.array_equal(whole.by_text.hashes, np.concatenate([h.by_text.hashes for h in halves], axis=1))
    assert np.array_equal(whole.by_text.sets, np.concatenate([h.by_text.sets for h in halves]))
    assert np.array_equal(whole.by_row.questions, np.concatenate([h.by_row.questions for h in halves]))


def test_switched_off_there_are_no_texts_to_compare():
    fingerprints = Fingerprints.of(rows_of([text(1)] * 3), RULES.model_copy(update={"enabled": False}))
    assert len(fingerprints.by_text.rows) == 0
    assert are_near(fingerprints.by_text, Pairs(np.zeros(0, dtype=int), np.zeros(0, dtype=int)), 0.8).tolist() == []
