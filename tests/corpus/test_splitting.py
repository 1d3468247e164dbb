import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.dedup.fingerprints import Fingerprints, hash_of
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.splitting import COUNTERPART_REASON, in_validation
from coma_cli.corpus.splitting import split as split_by
from coma_cli.records import Origin
from tests.corpus.rows import example

ROWS = [
    example(n, instruction=f"Write the function called {'abcdefghij'[n % 10] * (n // 10 + 1)}.") for n in range(400)
]


RULES = NearRules()


def split(rows, share, seed, on_drop):
    return split_by(rows, share, seed, on_drop, RULES)


def side_of(row, share, seed):
    return bool(in_validation(Fingerprints.of([row], RULES).by_row.anchors, share, seed)[0])


def text_keys(row):
    return {key for key in Fingerprints.of([row], RULES).by_row.text_keys[0].tolist() if key}


def test_the_share_is_about_what_was_asked_for():
    parts = split(ROWS, 0.2, 0, [].append)
    assert 50 < len(parts.validation) < 110
    assert len(parts.train) + len(parts.validation) == len(ROWS)


def test_no_share_no_validation():
    assert split(ROWS, 0.0, 0, [].append).validation == ()
    lowest_draw = np.array([hash_of("split|0")], dtype=np.uint64)
    assert not in_validation(lowest_draw, 0.0, 0)[0]
    assert in_validation(lowest_draw, 1e-9, 0)[0]


@given(st.integers(0, 50), st.floats(0, 0.99))
@settings(max_examples=25)
def test_adding_rows_never_moves_old_ones(seed, share):
    few, many = split(ROWS[:60], share, seed, [].append), split(ROWS, share, seed, [].append)
    assert set(few.train) <= set(many.train)
    assert {side_of(row, share, seed) for row in few.validation} <= {True}
    assert not set(few.validation) & set(many.train)


def test_the_seed_chooses_other_rows():
    assert split(ROWS, 0.5, 0, [].append) != split(ROWS, 0.5, 1, [].append)


@given(st.integers(0, 10_000))
def test_rows_of_one_function_share_a_side(seed):
    origin = Origin(path="a.py", row=f"f{seed}", lines=(1, 5))
    rows = [example(n, task=task, origin=origin) for n, task in enumerate(("code-generation", "line-completion"))]
    assert side_of(rows[0], 0.5, seed) == side_of(rows[1], 0.5, seed)


@given(st.integers(0, 10_000))
def test_the_same_question_in_another_layout_is_on_the_same_side(seed):
    one = example(1, instruction="Sort 10 numbers, please.")
    other = example(2, instruction="sort 20 NUMBERS please")
    assert side_of(one, 0.5, seed) == side_of(other, 0.5, seed)


def test_a_validation_row_that_repeats_a_training_text_leaves():
    answer = "def double(values):\n    return [2 * value for value in values if value]"
    rows = [example(n, instruction=row.instruction, output=answer) for n, row in enumerate(ROWS[:40])]
    skipped = []
    parts = split(rows, 0.5, 0, skipped.append)
    assert parts.train
    assert parts.validation == ()
    assert {row.reason for row in skipped} == {COUNTERPART_REASON}
    assert {row.detail for row in skipped} == {f"of {parts.train[0].id}"}
    assert len(parts.train) + len(skipped) == len(rows)


@given(st.integers(0, 1000), st.floats(0.05, 0.9))
@settings(max_examples=25)
def test_no_longer_text_stands_on_both_sides(seed, share):
    rows = [
        example(n, output=f"the answer to this one is as long as number {n % 3} {'x' * (n % 5)}") for n in range(30)
    ]
    parts = split(rows, share, seed, [].append)
    trained = {s for row in parts.train for s in text_keys(row)}
    assert all(trained.isdisjoint(text_keys(row)) for row in parts.validation)


def test_a_row_near_to_the_very_first_one_leaves_too():
    words = [f"word{number}" for number in range(60)]
    texts = (" ".join(words), " ".join([*words[:-1], "another"]))
    rows = [example(n, instruction=ROWS[n].instruction, output=text) for n, text in enumerate(texts)]
    seed = next(s for s in range(100) if not side_of(rows[0], 0.5, s) and side_of(rows[1], 0.5, s))
    skipped = []
    parts = split(rows, 0.5, seed, skipped.append)
    assert (parts.train, parts.validation) == ((rows[0],), ())
    assert [row.reason for row in skipped] == [COUNTERPART_REASON]


def test_short_texts_are_no_signature():
    assert text_keys(example(1, instruction="Do it.", output="print(x)")) == set()


def test_no_row_of_validation_comes_near_to_one_of_training_whatever_the_task():
    code = "def total(orders, rate):\n    paid = [order for order in orders if not order.cancelled]\n"
    code += "    sums = {}\n    for order in paid:\n"
    code += "        sums[order.customer] = sums.get(order.customer, 0) + order.value * rate\n"
    code += "    return sorted(sums.items(), key=lambda item: -item[1])"
    rows = []
    for n in range(40):
        near = code.replace("paid", f"paid_{'abcdefghij'[n % 10] * 2}", 1)
        task = ("code-summarization", "code-generation")[n % 2]
        fields = {"input": near, "output": "Sum it."} if n % 2 == 0 else {"output": near}
        rows.append(example(n, task=task, instruction=ROWS[n].instruction, **fields))
    skipped = []
    parts = split(rows, 0.5, 0, skipped.append)
    assert parts.validation == ()
    assert 5 < len(skipped) < 35
    assert {row.reason for row in skipped} == {COUNTERPART_REASON}
