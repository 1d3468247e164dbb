import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.catalog.material import Function
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.examples import Pool, make_example, with_surroundings
from coma_cli.corpus.splitting import (
    COUNTERPART_REASON,
    CROSSING_REASON,
    FEWEST_VALIDATION,
    draws_of,
    pools_of,
    sides_of,
)
from coma_cli.corpus.splitting import split as split_by
from coma_cli.corpus.subjects import subject_keys
from coma_cli.records import Code, Origin, RowSubject
from tests.corpus.rows import example

ROWS = [
    example(n, instruction=f"Write the function called {name}.", output=f"print('{name}')")
    for n, name in enumerate("abcdefghij"[n % 10] * (n // 10 + 1) for n in range(400))
]


RULES = NearRules()


def split(rows, share, seed, on_drop):
    return split_by(rows, share, seed, on_drop, RULES)


def side_of(row, share, seed):
    draws = draws_of(subject_keys([row]), seed, 1)
    return bool(sides_of(draws, np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool), share).validation[0])


def text_keys(row):
    return {key for key in Fingerprints.of([row], RULES).by_row.text_keys[0].tolist() if key}


def test_the_share_is_about_what_was_asked_for():
    parts = split(ROWS, 0.2, 0, [].append)
    assert 50 < len(parts.validation) < 110
    assert len(parts.train) + len(parts.validation) == len(ROWS)


def test_no_share_no_validation():
    assert split(ROWS, 0.0, 0, [].append).validation == ()
    lowest, one = np.zeros((1, 2), dtype=np.uint64), np.ones(1, dtype=bool)
    assert not sides_of(lowest, np.zeros(1, dtype=np.int64), one, 0.0).validation[0]
    assert sides_of(lowest, np.zeros(1, dtype=np.int64), one, 1e-9).validation[0]


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
def test_rows_of_one_function_share_a_side_whatever_its_names_comments_and_source(seed):
    code = (
        "def total(orders):\n    # all of them\n    paid = 0\n    for order in orders:\n        paid += order.value\n"
    )
    other = "def summed(bills):\n    result = 0\n    for bill in bills:\n        result += bill.value\n"
    rows = [
        example(1, task="code-summarization", input=f"{code}    return paid", output="Adds the values."),
        example(2, source="other", instruction="Sum up.", output=f"{other}    return result"),
    ]
    assert side_of(rows[0], 0.5, seed) == side_of(rows[1], 0.5, seed)


@given(st.integers(0, 10_000))
def test_the_wording_of_an_instruction_moves_nothing(seed):
    code = "def total(orders):\n    return sum(order.value for order in orders)"
    rows = [example(1, instruction=text, output=code) for text in ("Write f.", "I need a function f, please.")]
    assert side_of(rows[0], 0.5, seed) == side_of(rows[1], 0.5, seed)


def about(number):
    """A topic of its own, so that the side does not depend on the texts."""
    return {"subject": RowSubject((Code("", f"topic {number}"),), ())}


def pair(number, *letters):
    codes = [Code("c", f"int {letter * 3}{letter}(void) {{ return {letter}{letter}; }}") for letter in letters]
    return example(
        number,
        task="clone-detection",
        instruction="Equal?",
        output="yes",
        subject=RowSubject(tuple(codes), tuple(codes)),
    )


def test_a_pair_is_kept_only_if_both_functions_are_on_one_side():
    letters = "abcdefghijklmnopqrst"
    rows = [pair(n, a, b) for n, (a, b) in enumerate((a, b) for a in letters for b in letters if a < b)]
    skipped = []
    parts = split(rows, 0.1, 0, skipped.append)
    assert {row.reason for row in skipped} == {CROSSING_REASON}
    sides = [{code for row in side for code in row.subject.about} for side in (parts.train, parts.validation)]
    assert not sides[0] & sides[1] and sides[1]
    assert len(rows) == len(skipped) + len(parts.train) + len(parts.validation)
    # Of the pairs kept about a tenth are for validation, not the hundredth that two low draws would give.
    assert 0.04 < len(parts.validation) / (len(parts.train) + len(parts.validation)) <= 0.1


def numbered(seed, count):
    draws = np.random.default_rng(seed).integers(0, 2**64, size=count, dtype=np.uint64)
    return np.stack((draws, draws), axis=1)


def sides(draws, tasks, share):
    return sides_of(draws, np.array(tasks), np.ones(len(draws), dtype=bool), share)


def test_a_task_with_enough_rows_gets_at_least_fifty_for_validation():
    draws = numbered(1, 1600)
    tasks = [0] * 600 + [1] * 400 + [2] * 600
    found = sides(draws, tasks, 0.02)
    counts = [int(found.validation[np.array(tasks) == task].sum()) for task in range(3)]
    assert min(counts[0], counts[2]) >= FEWEST_VALIDATION and counts[1] < 20, "the second has too few rows"
    assert not found.crossing.any()


def test_what_one_task_needs_for_validation_trains_no_other_task():
    rare, frequent = numbered(1, 600), numbered(2, 5000)
    together = np.concatenate((rare, rare, frequent))
    found = sides(together, [0] * 600 + [1] * 600 + [1] * 5000, 0.02)
    assert found.validation[:600].sum() >= FEWEST_VALIDATION
    assert (found.validation[:600] == found.validation[600:1200]).all()
    assert (found.validation[1200:] == (frequent[:, 0] < int(0.02 * 2**64))).all(), (
        "the other rows stay where they were"
    )


def test_a_group_that_would_fill_validation_trains():
    draws = np.concatenate((np.zeros((40, 2), dtype=np.uint64), numbered(3, 300)))
    found = sides(draws, [0] * 340, 0.1)
    assert not found.validation[:40].any() and found.validation[40:].any()
    few = sides(draws[25:], [0] * 315, 0.1)
    assert few.validation[:15].all(), "a few rows of one function may validate"


def function(number):
    name = "".join("abcdefghij"[int(digit)] for digit in str(number))
    code = f"def {name}(x):\n    return {name}_of(x)"
    return Function(
        "python",
        name=name,
        header=f"def {name}(x):",
        code=code,
        summary=f"Calls {name}.",
        description=f"Calls {name}.",
        cuts=(),
        licence="MIT",
        origin=Origin(path="a.py", row=name),
    )


def test_candidates_come_from_the_side_of_the_function_asked_for():
    functions = [function(n) for n in range(400)]
    pools = dict(zip((f.code for f in functions), pools_of(functions, 0.2, 0), strict=True))
    counts = {pool: list(pools.values()).count(pool) for pool in Pool}
    assert 50 < counts[Pool.VALIDATION] < 110 and 50 < counts[Pool.NONE] < 110
    asked = set()
    for material, context in with_surroundings(functions, pools_of=lambda some: pools_of(some, 0.2, 0)):
        row = make_example(TASKS["code-search"], material, "test", 0, context)
        others = {pools[code] for code in json.loads(row.input)} - {Pool.NONE}
        assert others == {Pool.VALIDATION if pools[material.code] is Pool.VALIDATION else Pool.TRAIN}
        asked.add(material.code)
    assert len(asked) == 400


def test_without_validation_every_function_may_be_a_candidate():
    assert set(pools_of([function(n) for n in range(50)], 0.0, 0)) == {Pool.TRAIN}


@pytest.mark.parametrize("shown", ["whole", "within a class"])
def test_a_validation_row_that_shows_a_function_of_a_training_row_leaves(shown):
    code = "def total(orders):\n    paid = [o.value for o in orders if o.paid]\n    return sum(paid)"
    text = code if shown == "whole" else "class Till:\n" + "\n".join(f"    {line}" for line in code.splitlines())
    rows = [
        example(n, subject=RowSubject((Code("", f"topic {n}"),), (Code("python", text, mixed=True),)))
        for n in range(20)
    ]
    rows.append(example(99, subject=RowSubject((Code("", "another"),), (Code("python", code),))))
    seed = next(s for s in range(100) if side_of(rows[-1], 0.5, s))
    skipped = []
    parts = split(rows, 0.5, seed, skipped.append)
    assert parts.train and not parts.validation
    assert {(row.reason, row.detail) for row in skipped} == {(COUNTERPART_REASON, f"of {parts.train[0].id}")}


def test_a_validation_row_that_repeats_a_training_text_leaves():
    answer = "def double(values):\n    return [2 * value for value in values if value]"
    rows = [example(n, instruction=row.instruction, output=answer, **about(n)) for n, row in enumerate(ROWS[:40])]
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
        rows.append(example(n, task=task, instruction=ROWS[n].instruction, **fields, **about(n)))
    skipped = []
    parts = split(rows, 0.5, 0, skipped.append)
    assert parts.validation == ()
    assert 5 < len(skipped) < 35
    assert {row.reason for row in skipped} == {COUNTERPART_REASON}


def test_surplus_answers_do_not_fill_validation():
    """Of pairs, both functions must draw low: the limit is raised for the rarer answer, not for all pairs."""
    rng = np.random.default_rng(5)
    draws = np.sort(rng.integers(0, 2**63, (1200, 2), dtype=np.uint64) * np.uint64(2), axis=1)
    tasks, everything = np.zeros(1200, dtype=np.int64), np.ones(1200, dtype=bool)
    rare = np.arange(1200) % 6 < 2
    without, counted = (sides_of(draws, tasks, everything, 0.02, chosen) for chosen in (None, rare))
    assert without.validation[rare].sum() < FEWEST_VALIDATION <= counted.validation[rare].sum()
