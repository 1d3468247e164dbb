import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import Function, Question
from coma_cli.catalog.tasks import TASKS, code_search
from coma_cli.catalog.tasks.code_search import CANDIDATES, FEWEST_CANDIDATES
from coma_cli.catalog.tasks.task import Surroundings
from coma_cli.corpus.examples import Pool, make_example, with_surroundings
from coma_cli.records import Origin

OWN = Question(
    language="python",
    text="How do I add N seconds to a datetime.time?",
    candidates=(
        "b = a + datetime.timedelta(0, 3)",
        "11:34:59\n11:35:02",
        "def add_secs(tm, secs):\n    return tm + timedelta(seconds=secs)",
        "09:11:55.775695",
        "a = datetime.now()",
    ),
    answers=(0, 2),
    licence="unknown",
    origin=Origin(path="python.txt", row="100210"),
    topic="100210",
)


def question(number, code, text="", language="python", topic=""):
    text = text or f"How do I do the thing number {number}?"
    return Question(
        language,
        text,
        (code,),
        (0,),
        licence="MIT",
        origin=Origin(path="x", row=str(number)),
        topic=topic or str(number),
    )


def made(material, context=(), seed=0):
    return make_example(TASKS["code-search"], material, "test", seed, Surroundings(tuple(context)))


FILLERS = [
    question(1, "rows = filter(lambda row: row.name, rows)"),
    question(2, "rows = map(lambda row: row.age, rows)"),
    question(3, "import os\nos.listdir('.')"),
    question(4, "rows.sort(key=lambda row: row[1])"),
    question(5, "print('hello')"),
]
ASKED = question(9, "rows = sorted(rows, key=lambda entry: entry[0])", text="How do I sort rows by their first entry?")


def test_golden_code_search():
    row = made(OWN, FILLERS)
    assert row.id == "b52627c6005388abc94d"
    assert row.instruction == f"Query: {OWN.text}\nCopy the Python candidate that answers it."
    assert json.loads(row.input) == [
        "rows = map(lambda row: row.age, rows)",
        "import os\nos.listdir('.')",
        "def add_secs(tm, secs):\n    return tm + timedelta(seconds=secs)",
        "rows = filter(lambda row: row.name, rows)",
    ]
    assert row.output == "def add_secs(tm, secs):\n    return tm + timedelta(seconds=secs)"


def test_only_one_answer_is_listed_and_it_is_the_output():
    seen = set()
    listed = []
    for seed in range(60):
        row = made(OWN, FILLERS, seed=seed)
        listed = json.loads(row.input)
        right = [code for code in listed if code in (OWN.candidates[0], OWN.candidates[2])]
        assert right == [row.output]
        seen.add((row.output, listed.index(row.output)))
    assert len(seen) == 2 * len(listed)


def test_other_snippets_of_the_post_are_no_candidates():
    listed = set(json.loads(made(OWN, FILLERS).input))
    assert not listed & {OWN.candidates[1], OWN.candidates[3], OWN.candidates[4]}


def test_the_right_one_is_at_every_position_equally_often():
    places = Counter(json.loads((row := made(OWN, FILLERS, seed=seed)).input).index(row.output) for seed in range(800))
    assert len(places) == CANDIDATES
    assert min(places.values()) > 150


def test_the_most_similar_snippets_of_other_questions_fill_the_list():
    listed = set(json.loads(made(ASKED, FILLERS).input))
    assert listed == {ASKED.candidates[0], *(FILLERS[n].candidates[0] for n in (0, 1, 3))}
    assert len(listed) == CANDIDATES


@pytest.mark.parametrize(
    "other",
    [
        question(10, ASKED.candidates[0]),
        question(10, ASKED.candidates[0].replace(" ", "  ").upper()),
        question(10, ASKED.candidates[0] + "  # sorted"),
        question(10, "rows.sort(key=lambda entry: entry[0])", topic="9"),
        question(10, "rows.sort(key=lambda entry: entry[0])", text="how do I SORT rows by their first entry?"),
        question(10, "names = sorted(names, key=lambda name: name.lower)"),
        question(10, "rows.sort(entry => entry[0])", language="javascript"),
        question(10, "rows.sort(key=lambda entry: entry[0])\n" + "x = 1\n" * 200),
        question(10, "rows.sort(key=lambda entry: entry[0])", text="Python: sorting rows by the first entry"),
        replace(ASKED),
    ],
    ids=["equal", "layout", "nearly equal", "topic", "wording", "calls", "language", "long", "question", "itself"],
)
def test_snippets_that_may_answer_too_are_never_taken(other):
    row = made(ASKED, [other, *FILLERS])
    assert other.candidates[0] not in set(json.loads(row.input)) - {row.output}


def test_a_row_has_three_candidates_or_more():
    assert made(ASKED, FILLERS[:1]) is None
    assert len(json.loads(made(ASKED, FILLERS[:2]).input)) == FEWEST_CANDIDATES


def test_a_lone_snippet_without_neighbours_gives_no_row():
    assert made(ASKED) is None
    assert made(ASKED, [ASKED]) is None
    assert made(replace(OWN, answers=())) is None


def test_functions_are_searched_by_their_summary():
    def function(name, code, summary):
        return Function("go", name, "", code, summary, summary, (), licence="MIT", origin=Origin(path="a.go", row=name))

    functions = [function(f"f{n}", f"func f{n}() int {{ return {n} * {n + 1} }}", f"gives {n}") for n in range(8)]
    row = made(functions[3], functions)
    assert row.output == functions[3].code
    assert "gives 3" in row.instruction
    assert "Go" in row.instruction
    assert len(json.loads(row.input)) == CANDIDATES


def test_the_id_excludes_the_random_part_of_the_input():
    assert made(ASKED, FILLERS).id == made(ASKED, FILLERS[2:], seed=7).id


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 7))
def test_surroundings_hold_every_piece_once_and_nothing_far_away(numbers, size):
    found = list(with_surroundings(numbers, size))
    assert [number for number, _ in found] == numbers
    for place, (_, context) in enumerate(found):
        start = place // size * size
        assert list(context.materials) == numbers[max(0, start - size) : start + size]


def test_neighbours_are_of_the_same_side():
    pools = [Pool.TRAIN, Pool.VALIDATION, Pool.NONE, Pool.VALIDATION, Pool.TRAIN]
    found = dict(with_surroundings("abcde", 2, lambda some: [pools["abcde".index(entry)] for entry in some]))
    assert {entry: "".join(context.materials) for entry, context in found.items()} == {
        "a": "a",
        "b": "bd",
        "c": "a",
        "d": "bd",
        "e": "ae",
    }


@pytest.mark.parametrize("text_language", ["en", "cn"])
def test_an_unknown_programming_language_drops_out_of_the_wording(text_language):
    unknown = Question(
        "unspecified", "Sort it.", ("a",), (0,), licence="MIT", origin=Origin(), text_language=text_language
    )
    others = tuple(question(number, f"{word}()", language="unspecified") for number, word in enumerate(("b", "c", "d")))
    asked = {made(unknown, others, seed).instruction for seed in range(100)}
    assert len(asked) == len(code_search.WORDINGS[text_language])
    for instruction in asked:
        assert "  " not in instruction and "{" not in instruction
        assert text_language == "en" or " " not in instruction.replace("Sort it.", "")
