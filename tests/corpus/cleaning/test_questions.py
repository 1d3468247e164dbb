import pytest

from coma_cli.catalog.material import Question
from coma_cli.corpus.cleaning.questions import checked_question, unclear
from coma_cli.records import Origin


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Why isn't my loop working?", "asks about an error"),
        ("python: getting an error with urllib", "asks about an error"),
        ("How to do this in SQL", "points at what is not shown"),
        ("How do I simplify these queries?", "points at what is not shown"),
        ("Make my code faster", "points at what is not shown"),
        ("Sort a list as in the example below", "points at what is not shown"),
        ("What is the difference between a list and a tuple", "asks for an explanation"),
        ("Help with reports in a parent-children model", "asks for help"),
        ("Grouping in Python", "too short"),
        ("Add a lock to my for loop", "points at what is not shown"),
        ("my function raises a KeyError", "asks about an error"),
        ("Get data from objects in SQL", "too general"),
        ("function with multiple where", "too general"),
        ("Find in list", "too general"),
        ("regex to find a specific pattern in python", "too general"),
    ],
)
def test_a_title_that_does_not_say_what_it_asks_for_is_unclear(title, kind):
    assert unclear(title) == kind


@pytest.mark.parametrize(
    "title",
    [
        "How to remove duplicates from a list",
        "print backslash",
        "MYSQL auto_increment_increment",
        "Need help detecting a change in a variable",
        "Add a proxy to my Selenium script",
        "Use a descriptor to raise an error when a value changes",
        "my for loop prints all cells of the table, but I want to skip the last section of each column",
        "How to list all the stored procedures",
        "create table from table",
        "Get rows as columns",
        "regex in SQL to detect one or more digits",
        "print '[1, 2]'",
        "Convert this dictionary into JSON",
        "Get the rows of this week",
        "Binning one coordinate and averaging another based on these bins",
        "check if all of the following items are in a list",
        "How to get yesterday in python",
        "Select rows with values below average",
        "如何删除列表中的重复元素",
    ],
)
def test_a_title_that_says_it_is_clear(title):
    assert unclear(title) is None


def question(*candidates, text="How to sort a list?", language="python"):
    places = tuple(range(len(candidates)))
    return Question(language, text, candidates, places, licence="MIT", origin=Origin(path="x", row="1"))


def test_only_answers_that_are_code_count():
    assert checked_question(question("x.sort()", "[1, 2, 3]", "sorted(x")).answers == (0,)


@pytest.mark.parametrize(
    ("asked", "reason", "detail"),
    [
        (question("[1, 2, 3]"), "not-code", "only values"),
        (question("sorted(x"), "does-not-parse", "does not parse"),
        (question("x.sort()", text="Sort with this code"), "unclear-question", "points at what is not shown"),
    ],
)
def test_a_question_without_an_answer_in_code_gives_no_row(asked, reason, detail):
    rejected = checked_question(asked)
    assert (rejected.reason, rejected.detail) == (reason, detail)
    assert rejected.row["title"] == asked.text
