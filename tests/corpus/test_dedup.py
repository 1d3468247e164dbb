from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.dedup import ExactDuplicates, content_keys, unique
from tests.corpus.rows import example

LONG = "def f(values):\n    total = 0\n    for value in values:\n        total += value * 2\n    return total"


def kept(rows):
    left_out = []
    return [row.id for row in unique(rows, left_out.append)], [(row.row["id"], row.detail) for row in left_out]


def test_of_rows_that_ask_the_same_the_first_stays():
    rows = [example(1), example(2, instruction="WRITE a function  for case 1 that doubles its argument."), example(3)]
    assert kept(rows) == (["row-1", "row-3"], [("row-2", "of row-1")])


def test_a_longer_answer_counts_too():
    rows = [example(1, output=LONG), example(2, output=LONG.replace("    ", "  "))]
    assert kept(rows) == (["row-1"], [("row-2", "of row-1")])


def test_short_answers_may_repeat():
    assert kept([example(1, output="print(x)"), example(2, output="print(x)")])[0] == ["row-1", "row-2"]


def test_operators_make_a_difference():
    rows = [example(1, instruction="What is 1 + 2?"), example(2, instruction="What is 1 * 2?")]
    assert kept(rows)[0] == ["row-1", "row-2"]


def test_tasks_do_not_meet():
    rows = [example(1), example(2, instruction=example(1).instruction, task="line-completion")]
    assert kept(rows)[0] == ["row-1", "row-2"]


def test_the_wording_of_a_task_hides_no_repetition():
    same = {"task": "code-summarization", "input": "def f():\n    return g(1)"}
    rows = [example(1, instruction="Sum up.", **same), example(2, instruction="Describe.", **same)]
    assert kept(rows)[0] == ["row-1"]


def test_memory_is_carried_from_call_to_call():
    seen = ExactDuplicates()
    assert list(unique([example(1)], [].append, seen)) == [example(1)]
    assert list(unique([example(1)], [].append, seen)) == []


def test_left_out_copies_have_ids_of_their_own():
    left_out = []
    rows = [example(1), example(1), example(1, origin={"path": "other.json", "row": "1"})]
    assert len(list(unique(rows, left_out.append))) == 1
    assert len({row.id for row in left_out}) == 2


@given(st.lists(st.integers(0, 6), max_size=20))
def test_what_is_kept_is_free_of_repetitions_and_nothing_is_lost(numbers):
    left_out = []
    rows = [example(number) for number in numbers]
    result = list(unique(rows, left_out.append))
    assert [row.id for row in result] == list(dict.fromkeys(row.id for row in rows))
    assert len(result) + len(left_out) == len(rows)
    assert len({key for row in result for key in content_keys(row)}) == sum(len(content_keys(row)) for row in result)
