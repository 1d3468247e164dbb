"""The sides of the split share no function: on a build of every kind of row that is made of functions."""

import json
import re
from collections import Counter

import pytest

from coma_cli.records import Example
from tests.dataset.builds import build, rows_of
from tests.support.sides import leaks, programs, renamed_twins, shown_functions

STEPS = (
    ("total = max(values)", "total = min(values)"),
    ("if not values:\n        return None", "for value in values:\n        total += value"),
    ("total = abs(total - 1)", "total = round(total / 2)"),
    ("values = [v for v in values if v]", "values = sorted(values, key=len)"),
    ("while total > 9:\n        total = total // 2", "print(total, values)"),
    ("total = len(values) * total", "values.append(total)"),
    ("assert values", "raise_if(values, total)"),
)
TASKS = ("code-generation", "code-summarization", "line-completion", "code-search", "cloze-test", "clone-detection")
TASKS = (*TASKS, "code-translation", "code-repair", "defect-detection")


def name_of(number):
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def python(number):
    """A function whose structure says its number."""
    steps = [pair[number >> place & 1] for place, pair in enumerate(STEPS)]
    return "\n    ".join((f"def {name_of(number)}_of(values, total=0):", *steps, "return total"))


def java(number):
    """The same in Java, more or less."""
    steps = [f"total {'+-'[number >> place & 1]}= values.get({place}) * total;" for place in range(7)]
    return f"int {name_of(number)}Of(List<Integer> values) {{ int total = 1; {' '.join(steps)} return total; }}"


def csharp(number):
    """Shorter than in Java, so that a translation is on the side of the Java function."""
    return re.sub(r"values\.get\((\d)\)", r"values[\1]", java(number)).replace("List<Integer>", "IList<int>")


def documented(number):
    text = f"Finds the value called {name_of(number)} of all {name_of(number * 7)} values and gives it to its caller."
    return {
        "repo": "a/b",
        "path": f"{number}.py",
        "func_name": name_of(number),
        "language": "python",
        "code": python(number),
        "docstring": text,
        "docstring_tokens": text.split(),
        "url": f"https://github.com/a/b/blob/c/{number}.py#L1-L9",
        "partition": "train",
    }


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """The training and the validation rows of a build."""
    folder = tmp_path_factory.mktemp("split")
    places = {name: folder / name for name in ("text", "again", "clones", "translation", "repo")}
    for place in places.values():
        place.mkdir()
    (places["text"] / "python").mkdir()
    lines = [json.dumps(documented(n)) for n in range(128)]
    (places["text"] / "python" / "train.jsonl").write_text("\n".join(lines))
    (places["again"] / "python" / "final" / "jsonl" / "train").mkdir(parents=True)
    (places["again"] / "python" / "final" / "jsonl" / "train" / "a.jsonl").write_text("\n".join(reversed(lines)))
    functions = [json.dumps({"idx": str(n), "func": java(n)}) for n in range(128)]
    (places["clones"] / "data.jsonl").write_text("\n".join(functions))
    pairs = [f"{a}\t{b}\t{(a + b) % 2}" for a in range(128) for b in range(a + 1, min(a + 9, 128))]
    (places["clones"] / "train.txt").write_text("\n".join(pairs))
    for side, make in (("java", java), ("cs", csharp)):
        text = "\n".join(make(n) for n in range(128)) + "\n"
        (places["translation"] / f"train.java-cs.txt.{side}").write_text(text)
    (places["repo"] / "a.py").write_text("\n\n\n".join(python(n) for n in range(128)))
    (places["repo"] / "B.java").write_text(
        "class B {\n" + "\n".join(f"/** Finds {n}. */\n{java(n)}" for n in range(128)) + "}"
    )
    sources = {
        "codexglue_code_to_text": str(places["text"]),
        "codesearchnet": str(places["again"]),
        "codexglue_clone_detection": str(places["clones"]),
        "codexglue_code_translation": str(places["translation"]),
    }
    made = build(
        folder / "workspace",
        source=sources,
        from_repo=[str(places["repo"])],
        validation_share=0.2,
        decontaminate=False,
        near__enabled=False,
    )
    read = [[Example.from_row(row, "") for row in rows_of(made, f"{side}.jsonl")] for side in ("train", "validation")]
    return (*read, made.summary)


def test_every_task_has_rows_on_both_sides(sides):
    train, validation, summary = sides
    counts = [Counter(row.task for row in rows) for rows in (train, validation)]
    assert all(counts[0][task] and counts[1][task] for task in TASKS), counts
    assert counts[1]["clone-detection"] >= 10
    assert 0 < summary["dropped"]["crosses-the-split"] < 600


def test_no_function_of_validation_is_in_any_field_of_training(sides):
    train, validation, _ = sides
    found = leaks(train, validation, fewest=12)
    assert not found, found[0]
    assert not renamed_twins(train, validation, fewest=12)


def test_a_planted_function_is_found(sides):
    """The check itself: each way in which a row shows a function counts."""
    train, validation, _ = sides
    for task in TASKS:
        row = next(row for row in validation if row.task == task)
        text = max(shown_functions(row), key=len)
        shown = train[0].model_copy(update={"instruction": f"Look at this:\n{text}", "language": row.language})
        listed = train[0].model_copy(
            update={"task": "code-search", "input": json.dumps(["x", text]), "output": "x", "language": row.language}
        )
        for planted in (shown, listed):
            assert leaks([*train[1:], planted], validation, fewest=12), task
    masked = next(row for row in validation if row.task == "cloze-test")
    assert "<mask>" in masked.input and "<mask>" not in "".join(programs(masked))


def test_ids_are_unique_and_so_are_question_and_answer(sides):
    rows = [*sides[0], *sides[1]]
    assert len({row.id for row in rows}) == len(rows)
    asked = Counter((row.task, row.input, row.output) for row in rows if row.task != "code-search")
    assert max(asked.values()) == 1
    searched = Counter((row.instruction, row.output) for row in rows if row.task == "code-search")
    assert max(searched.values()) == 1
