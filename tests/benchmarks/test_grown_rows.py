"""Rows that the measurements of speed are made with: the same each time, and still programs."""

import ast

from tests.benchmarks._grown_rows import grown, write_shards

ROWS = [
    {
        "instruction": "Sort the list of numbers.",
        "input": "",
        "output": "def order(numbers):\n    return sorted(numbers)",
    },
    {"instruction": "Name the largest river of the world.", "input": "Asia", "output": "It is a river."},
]


def test_grown_rows_are_the_same_each_time_and_still_parse():
    made = list(grown(ROWS, 400))
    assert made == list(grown(ROWS, 400)) != list(grown(ROWS, 400, seed=1))
    programs = [row["output"] for row in made if "def " in row["output"]]
    assert len(programs) > 100
    for program in programs:
        ast.parse(program)


def test_every_twentieth_row_is_an_earlier_one():
    made = list(grown(ROWS, 200))
    answers = [row["output"] for row in made]
    assert all(answers[n] in answers[n - 19 : n] for n in range(19, 200, 20))


def test_shards_hold_all_rows(tmp_path):
    folder = write_shards(tmp_path / "rows", ROWS, 21, shards=4)
    lines = [line for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    assert len(lines) == 21
