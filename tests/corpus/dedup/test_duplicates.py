import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.dedup.duplicates import EXACT, IN_REFERENCE, NEAR, unique
from coma_cli.corpus.dedup.minhash import NearRules
from tests.corpus.rows import example
from tests.requirements import SHARED

RULES = NearRules()
PLANTED = SHARED / "planted" / "near.jsonl"
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


def test_an_answer_that_comes_near_to_an_earlier_one_goes_if_the_question_does():
    program = "\n\n\n".join(LONG.replace("total", name) for name in ("total", "amount", "amounts"))
    changed = program.replace("return total", "print(total)\n    return total", 1)
    one, other = (example(n, instruction=STORY, output=output) for n, output in ((1, program), (2, changed)))
    assert kept([one, other]) == (["row-1"], [("row-2", NEAR, "of row-1")])
    assert len(kept([one, example(2, instruction="Do something else with values.", output=changed)])[0]) == 2
    asked = STORY.replace("a customer,", "each customer,")
    assert kept([one, example(2, instruction=asked, output=changed)])[0] == ["row-1"]
    assert len(kept([one, example(2, instruction=asked, output=changed.replace("* 2", "* 3", 1))])[0]) == 2


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
    one = "Double it, please."  # too short to ask for two programs
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


SETTER = "public void set{0}(String {0}) {{\n    this.{0} = {0};\n    changed(PropertyNames.ALL, this);\n}}"


def test_a_question_with_another_program_is_another_row_up_to_a_number():
    asked = "Tell whether the list holds a value twice."
    programs = [
        "return len(set(v)) < len(v)",
        "return any(v.count(x) > 1 for x in v)",
        "return bool(Counter(v) - set(v))",
    ]
    rows = [example(n, instruction=asked, output=f"def twice(v):\n    {body}") for n, body in enumerate(programs)]
    assert kept(rows) == (["row-0", "row-1"], [("row-2", EXACT, "of row-0")])
    assert len(kept(rows, rules=RULES.model_copy(update={"per_question": 3}))[0]) == 3
    assert kept([row.model_copy(update={"instruction": "Find duplicates."}) for row in rows])[0] == ["row-0"]


def test_a_question_with_the_same_program_but_for_its_data_is_one_row():
    asked = "How can I sort a list of numbers in Python?"
    rows = [
        example(1, instruction=asked, output="values = [3, 1, 2]\nvalues.sort()\nprint(values)"),
        example(2, instruction=asked, output="numbers = [5, 4]\nnumbers.sort()\nprint(numbers)"),
    ]
    assert kept(rows) == (["row-1"], [("row-2", EXACT, "of row-1")])


def test_search_rows_are_compared_without_their_candidates_and_wordings():
    shared = [f"def helper_{n}(path):\n    return open(path).read().split('{n}')" for n in range(7)]

    def search(number, asked, answer, wording="Find the Python snippet that fits this request: {}"):
        listed = json.dumps([answer, *shared])
        return example(number, task="code-search", instruction=wording.format(asked), input=listed, output=answer)

    rows = [
        search(1, "count the lines of a file", "sum(1 for _ in open(path))"),
        search(2, "list the files of a folder", "os.listdir(path)"),
        search(
            3,
            "count the lines of a file",
            "sum(1 for _ in open(path))",
            "{}\nChoose the matching Python snippet from the list.",
        ),
    ]
    assert kept(rows) == (["row-1", "row-2"], [("row-3", EXACT, "of row-1")])


def test_descriptions_of_alike_functions_are_rows_of_their_own():
    rows = [
        example(
            n, task="code-summarization", language="java", instruction="Sum up.", input=SETTER.format(name), output=text
        )
        for n, (name, text) in enumerate(
            [("title", "Sets the title of the page."), ("owner", "Sets who owns the page.")]
        )
    ]
    assert len(kept(rows)[0]) == 2
    copy = rows[0].model_copy(
        update={"id": "copy", "input": f"// from the page\n{rows[0].input}", "output": "Sets it."}
    )
    assert kept([*rows, copy]) == (["row-0", "row-1"], [("copy", EXACT, "of row-0")])


def test_code_with_other_names_and_an_answer_with_other_names_is_a_copy():
    rows = [
        example(
            n,
            task="code-repair",
            language="java",
            instruction="Fix it.",
            input=f"int {name}(int[] {name}s) {{ int n = 1; for (int x : {name}s) {{ n += x; }} return n; }}",
            output=f"int {name}(int[] {name}s) {{ int n = 0; for (int x : {name}s) {{ n += x; }} return n; }}",
        )
        for n, name in enumerate(["total", "amount"])
    ]
    assert kept(rows) == (["row-0"], [("row-1", EXACT, "of row-0")])


@pytest.mark.skipif(not PLANTED.is_file(), reason="the planted pairs are not at ../shared/planted")
def test_of_the_planted_pairs_those_that_are_copies_are_found_and_no_others():
    wrong = []
    for line in PLANTED.read_text().splitlines():
        pair = json.loads(line)
        rows = [
            example(n, **{name: pair[side][name] for name in ("instruction", "input", "output", "language")})
            for n, side in enumerate("ab")
        ]
        found = "duplicate" if len(kept(rows)[0]) == 1 else "distinct"
        if found != pair["_want"]:
            wrong.append((pair["_kind"], pair["_want"], pair["a"]["instruction"]))
    assert wrong == []


@given(st.lists(st.integers(0, 6), max_size=20))
@settings(max_examples=40)
def test_what_is_kept_is_free_of_repetitions_and_nothing_is_lost(numbers):
    skipped = []
    rows = [example(number) for number in numbers]
    result = unique(rows, skipped.append, RULES)
    assert [row.id for row in result] == list(dict.fromkeys(row.id for row in rows))
    assert len(result) + len(skipped) == len(rows)
    assert unique(result, skipped.append, RULES) == result
