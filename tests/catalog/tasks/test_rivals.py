# `rivals` is a part of code search with rules of its own.
import pytest

from coma_cli.catalog.tasks.rivals import is_rival, profile


def pair(first, second, *, of_summary=False):
    return profile(*first, of_summary=of_summary), profile(*second, of_summary=of_summary)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("reverse the order of a string", "s[::-1]"), ("turn names round", "name[::-1]")),
        (("text after the last dash", "s.rsplit('-', 1)[-1]"), ("the ending of a file", "name.rsplit('.')[1]")),
        (("remove columns of a csv file", "a()"), ("How can I remove a column in csv files?", "b(1)")),
        (
            ("sort a dict d by value", "sorted(d.items(), key=lambda kv: kv[1])"),
            ("order x", "sorted(list(x.items()), key=operator.itemgetter(1))"),
        ),
        (("join the rows", "print(''.join(map(str, data)))"), ("a text of all", "text = ''.join(map(str, names + x))")),
        (("sorting the dictionary of towns", "a()"), ("sort a dict with towns", "b()")),
        (("count rows by month", "SELECT COUNT(*) FROM t"), ("number of people", "SELECT COUNT(*) FROM people")),
    ],
)
def test_snippets_that_may_answer_both_questions_are_rivals(first, second):
    one, other = pair(first, second)
    assert is_rival(one, other)
    assert is_rival(other, one)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("remove columns of a csv file", "a()"), ("sort the columns of a table", "b()")),
        (("reverse a string", "s[::-1]"), ("every second sign", "s[::2]")),
        (("the first row", "SELECT a FROM t LIMIT 1"), ("the last row", "SELECT a FROM t ORDER BY a DESC LIMIT 1")),
    ],
)
def test_snippets_for_other_questions_are_no_rivals(first, second):
    assert not is_rival(*pair(first, second))


def test_functions_of_one_class_differ_by_a_word_of_their_summaries():
    first = ("Gets the active people of this list", "def active\n  get('active')\nend")
    second = ("Gets the deleted people of this list", "def deleted\n  get('deleted', 1)\nend")
    assert not is_rival(*pair(first, second, of_summary=True))
    assert is_rival(*pair(first, (first[0], "def x; end"), of_summary=True))


def test_groups_that_are_chosen_by_their_counts_are_rivals():
    one = "SELECT a FROM t WHERE b IN (2, 3) GROUP BY a HAVING COUNT(*) = 2"
    other = "SELECT c FROM d GROUP BY c HAVING MIN(e) = 4 AND COUNT(*) = 2"
    pair_of = [profile(text, code, "sql", of_summary=False) for text, code in (("both", one), ("each", other))]
    assert is_rival(*pair_of)


@pytest.mark.parametrize(
    ("question", "does", "does_not"),
    [
        ("Select from two tables and merge the columns", "SELECT a FROM b FULL JOIN c ON d = e", "SELECT a FROM b"),
        ("Which towns are in both tables", "SELECT a FROM b, c", "SELECT a, b FROM c"),
        ("ORDER BY with views", "SELECT a FROM b ORDER BY c", "SELECT a FROM b WHERE c = 1"),
        ("Find the rows of this month", "SELECT a FROM b WHERE MONTH(c) = 1", "SELECT a FROM b WHERE c = 1"),
        ("Tell whether a town is NULL", "SELECT a FROM b WHERE c IS NULL", "SELECT a FROM b WHERE c = 1"),
    ],
)
def test_sql_that_does_what_is_asked_for_is_a_rival(question, does, does_not):
    def sql(text, code):
        return profile(text, code, "sql", of_summary=False)

    answer = sql(question, "EXEC what_is_right")
    assert is_rival(sql("people", does), answer)
    assert not is_rival(sql("people", does_not), answer)
    assert not is_rival(answer, sql("people", does))


def test_python_that_does_what_is_asked_for_is_a_rival():
    answer = profile("Remove the duplicates of a tuple", "tuple(dict.fromkeys(rows))", "python", of_summary=False)
    other = "seen = []\nfor row in rows:\n    if row not in seen:\n        seen.append(row)"
    assert is_rival(profile("people", other, "python", of_summary=False), answer)
    assert not is_rival(profile("people", "sum(rows)", "python", of_summary=False), answer)
    assert not is_rival(profile("people", other, "python", of_summary=True), answer)
