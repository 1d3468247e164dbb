import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.dedup.duplicates import EXACT, IN_REFERENCE, NEAR, unique
from coma_cli.corpus.dedup.minhash import NearRules
from tests.corpus.rows import example

RULES = NearRules()
LONG = "def f(values):\n    total = 0\n    for value in values:\n        total += value * 2\n    return total"
STORY = (
    "Write a program that reads a list of orders from a file, adds up what each customer has to pay with tax, "
    "leaves out those that were cancelled, and prints one line a customer, sorted by the amount, largest first. "
    "The file has one order on each line, with the name of the customer before the first comma."
)


def kept(rows, references=(), rules=RULES):
    skipped = []
    stays = [row.id for row in unique(rows, skipped.append, rules, references)]
    return stays, [(row.row["id"], row.reason, row.detail) for row in skipped]


def test_of_rows_that_ask_the_same_the_first_stays():
    rows = [example(1), example(2, instruction="WRITE a function  for case 1 that doubles its argument."), example(3)]
    assert kept(rows) == (["row-1", "row-3"], [("row-2", EXACT, "of row-1")])


def test_a_longer_answer_counts_too():
    rows = [example(1, output=LONG), example(2, output=LONG.replace("    ", "  "))]
    assert kept(rows) == (["row-1"], [("row-2", EXACT, "of row-1")])


def test_short_answers_may_repeat():
    assert kept([example(1, output="print(x)"), example(2, output="print(x)")])[0] == ["row-1", "row-2"]


def test_operators_make_a_difference():
    rows = [example(1, instruction="What is 1 + 2?"), example(2, instruction="What is 1 * 2?")]
    assert kept(rows)[0] == ["row-1", "row-2"]


@pytest.mark.parametrize("changes", [{"task": "line-completion"}, {"text_language": "cn"}])
def test_tasks_and_text_languages_do_not_meet(changes):
    rows = [example(1), example(2, instruction=example(1).instruction, **changes)]
    assert kept(rows)[0] == ["row-1", "row-2"]


def test_the_wording_of_a_task_hides_no_repetition():
    same = {"task": "code-summarization", "input": "def f():\n    return g(1)"}
    rows = [example(1, instruction="Sum up.", **same), example(2, instruction="Describe.", **same)]
    assert kept(rows)[0] == ["row-1"]


def test_a_question_that_comes_near_to_an_earlier_one_goes():
    rows = [example(1, instruction=STORY), example(2, instruction=STORY.replace("a customer,", "each customer,"))]
    assert kept(rows) == (["row-1"], [("row-2", NEAR, "of row-1")])
    assert len(kept(rows, rules=RULES.model_copy(update={"enabled": False}))[0]) == 2
    assert len(kept(rows, rules=RULES.model_copy(update={"threshold": 0.95}))[0]) == 2


def test_an_answer_that_comes_near_to_an_earlier_one_goes():
    program = f"{LONG}\n\n\n{LONG.replace('total', 'amount')}\n\n\n{LONG.replace('value', 'item')}"
    rows = [
        example(1, output=program),
        example(2, output=program.replace("* 2", "* 3", 1)),
    ]
    assert kept(rows) == (["row-1"], [("row-2", NEAR, "of row-1")])


def test_the_same_problem_in_another_programming_language_is_another_row():
    rows = [example(1, instruction=STORY), example(2, instruction=f"{STORY} Go.", language="go")]
    assert len(kept(rows)[0]) == 2


def test_a_problem_that_is_asked_by_its_input_is_another_row_in_each_programming_language():
    rows = [
        example(1, task="competition", instruction="Solve it in Python.", input=STORY),
        example(2, task="competition", instruction="Solve it in Go.", input=STORY, language="go"),
        example(3, task="competition", instruction="Please use Go.", input=STORY.upper(), language="go"),
    ]
    assert kept(rows) == (["row-1", "row-2"], [("row-3", EXACT, "of row-2")])


def test_what_a_row_that_left_asks_is_not_remembered():
    one = "Question that is asked by the first and the second."
    rows = [
        example(1, instruction=one),
        example(2, instruction=one.upper(), output=LONG),
        example(3, instruction="Something else entirely.", output=LONG),
    ]
    assert kept(rows) == (["row-1", "row-3"], [("row-2", EXACT, "of row-1")])


def test_rows_of_a_given_file_are_kept_away_whatever_their_task():
    references = [example(100, id="theirs", task="", language="", instruction=STORY, output="")]
    rows = [
        example(1, instruction=STORY),
        example(2, instruction=f"{STORY} Thanks."),
        example(3, task="code-summarization", instruction="Sum up.", input=STORY.lower()),
        example(4),
    ]
    stays, skipped = kept(rows, references)
    assert stays == ["row-4"]
    assert {(reason, detail) for _, reason, detail in skipped} == {(IN_REFERENCE, "of theirs")}


def test_a_row_that_leaves_for_a_reference_takes_none_with_it():
    rows = [example(1, instruction="Asked before.", output=LONG), example(2, output=LONG)]
    assert kept(rows, [example(9, instruction="asked before.", output="")])[0] == ["row-2"]


def test_left_out_copies_have_ids_of_their_own():
    skipped = []
    rows = [example(1), example(1), example(1, origin={"path": "other.json", "row": "1"})]
    assert len(unique(rows, skipped.append, RULES)) == 1
    assert len({row.id for row in skipped}) == 2


def test_no_programs_give_no_outcomes():
    assert kept([]) == ([], [])


@given(st.lists(st.integers(0, 6), max_size=20))
@settings(max_examples=40)
def test_what_is_kept_is_free_of_repetitions_and_nothing_is_lost(numbers):
    skipped = []
    rows = [example(number) for number in numbers]
    result = unique(rows, skipped.append, RULES)
    assert [row.id for row in result] == list(dict.fromkeys(row.id for row in rows))
    assert len(result) + len(skipped) == len(rows)
    assert unique(result, skipped.append, RULES) == result
