import json
from zlib import crc32

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import MissingInputError
from tests.catalog.sources.forms import put
from tests.dataset.builds import FILES, all_rows, build, rows_of
from tests.dataset.rows import example

STORY = (
    "Write a Python function that takes the opening hours of all shops in a street and gives back the hours at which "
    "at least one of them is open, joined where they touch and sorted by their beginning, for every day of the week."
)


def program(name):
    """A program whose signs depend on its name, so that it is no copy of another one in other names."""
    signs = "".join(f" {'+-'[crc32(name.encode()) >> place & 1]} {place}" for place in range(12))
    return f"def {name}(hours):\n    hours = sorted(hours)\n    return [h.{name}{signs} for h in hours if h.{name}()]"


def test_generated_rows_go_through_all_that_other_rows_go_through(tmp_path):
    problem = BENCHMARKS["humaneval"].load().problems[0]
    given = [
        example(1, instruction=STORY, output="print(open_hours(shops))"),
        example(2, instruction=STORY.upper(), output="print(open_hours(shops))"),
        example(3, instruction=STORY.replace("the week", "a week"), output="print(open_hours(shops))"),
        example(4, instruction="Write a function that gives back the first word of a sentence.", output="x"),
        example(5, instruction="Write a function that reads a sentence.", output="def f(:\n    return 1"),
        example(6, instruction="Write a program that opens a lock.", output='key = "AKIAIOSFODNN7Q2KZLMP"\nuse(key)'),
        example(7, instruction="Complete this.", output=problem.reference),
        example(8, instruction="Name the 3 largest rivers of the world.", output="rivers = three_of( all )"),
        example(9, instruction="Write a function that lists the days.", output=program("days"), text_language="cn"),
    ]
    path = put(tmp_path / "written.jsonl", [row.to_row() for row in given])
    rivers = {"instruction": "Name the 3 largest rivers of the world.", "input": "", "output": "rivers = three_of(all)"}
    alpaca = put(tmp_path / "alpaca.json", [rivers])
    made = build(
        tmp_path / "w", source={"codealpaca": str(alpaca)}, with_generated=[str(path)], cleaning__min_output_chars=2
    )
    origin = {row["row"]["origin"]["row"]: row["reason"] for row in rows_of(made, "dropped.jsonl")}
    assert origin == {
        "2": "duplicate",
        "3": "near-duplicate",
        "4": "too-short",
        "5": "does-not-parse",
        "7": "contaminated",
        "8": "duplicate",
        "9": "text-language",
    }
    kept = {row.origin.row: row for row in all_rows(made)}
    assert set(kept) == {"1", "6"} and "AKIAIOSFODNN7Q2KZLMP" not in kept["6"].output
    assert [hit["problem"] for hit in rows_of(made, "contamination.jsonl")] == [problem.task_id]


def test_generated_rows_are_split_by_what_they_are_about(tmp_path):
    given = [
        example(n, instruction=f"Write a function about {word}s and their {word} keepers.", output=program(word))
        for n, word in enumerate(f"{a}{b}" for a in ("red", "blue", "green", "grey") for b in ("bird", "fish", "horse"))
    ]
    first = put(tmp_path / "first.jsonl", [row.to_row() for row in given[:9]])
    every = put(tmp_path / "all.jsonl", [row.to_row() for row in reversed(given)])
    one, two = (
        build(tmp_path / name, with_generated=[str(path)], validation_share=0.7, near__enabled=False)
        for name, path in (("one", first), ("two", every))
    )
    sides = [{name: {row["id"] for row in rows_of(made, name)} for name in FILES[:2]} for made in (one, two)]
    assert sides[0]["train.jsonl"] <= sides[1]["train.jsonl"]
    assert sides[0]["validation.jsonl"] and sides[0]["validation.jsonl"] <= sides[1]["validation.jsonl"]


def test_a_file_of_another_form_stops_the_command(tmp_path):
    path = put(tmp_path / "other.jsonl", [{"instruction": "x", "output": "y"}])
    with pytest.raises(MissingInputError, match=r"other\.jsonl"):
        build(tmp_path / "w", with_generated=[str(path)])


def test_two_workers_take_generated_rows_in_as_one_does(tmp_path):
    given = [
        example(n, instruction=STORY.replace("street", word), output=program(word))
        for n, word in enumerate(("rivers", "hills", "roads", "lakes", "woods"))
    ]
    path = put(tmp_path / "written.jsonl", [row.to_row() for row in given])
    one, two = (build(tmp_path / str(n), with_generated=[str(path)], workers=n) for n in (1, 2))
    assert all_rows(one) == all_rows(two) != []


def test_the_input_of_a_generated_row_may_be_a_gap_or_a_number(tmp_path):
    inputs = {"a": float("nan"), "b": None, "c": 0, "d": 2.0, "e": "x"}
    given = [
        {
            **example(n, instruction=f"Write a program about {name}{name}.", output=program(name * 3)).to_row(),
            "input": value,
        }
        for n, (name, value) in enumerate(inputs.items())
    ]
    path = tmp_path / "written.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    made = build(tmp_path / "w", with_generated=[str(path)], near__threshold=1.0)
    assert sorted(row.input for row in all_rows(made)) == ["", "", "0", "2", "x"]


def test_rows_of_another_form_are_refused_by_the_name_of_the_right_one(tmp_path):
    path = put(
        tmp_path / "alpaca.jsonl", [{"instruction": "Name three rivers.", "input": "", "output": "Nile, Don, Po"}]
    )
    with pytest.raises(MissingInputError, match="not a row of gen-instructions \\(id: Field required"):
        build(tmp_path / "w", with_generated=[str(path)])
