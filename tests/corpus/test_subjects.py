import tracemalloc

import numpy as np
import pytest

from coma_cli.catalog.material import (
    ClonePair,
    Cloze,
    ContestSolution,
    JudgedFunction,
    Question,
    Repair,
    Translation,
    UnfinishedCode,
)
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.corpus.subjects import material_keys, subject_keys, subject_of
from coma_cli.records import Code, Origin
from tests.corpus.rows import example

KNOWN = {"licence": "MIT", "origin": Origin(path="a")}
CODE = "int total(int[] values) { int sum = 0; for (int v : values) { sum += v; } return sum; }"
BUGGY = CODE.replace("+=", "-=")


def about(*materials):
    """The keys that decide the side of each, as many as it has."""
    keys, counts = material_keys(materials)
    assert counts.tolist() == [1] * len(materials)
    return set(keys.tolist())


def test_a_function_its_bug_its_fix_and_its_masked_form_are_about_the_same():
    tokens = tuple(CODE.replace("(", " ( ").replace(")", " ) ").replace("sum", "<mask>", 1).split())
    materials = [
        JudgedFunction("java", CODE, False, **KNOWN),
        JudgedFunction("java", BUGGY, True, "changed-operator", original=CODE, **KNOWN),
        Repair("java", BUGGY, CODE, False, **KNOWN),
        Cloze("java", "Sums.", tokens, "sum", (), **KNOWN),
    ]
    assert len(about(*materials)) == 1


def test_both_directions_of_a_translation_are_about_the_same():
    csharp = CODE.replace("for (int v : values)", "foreach (int v in values)")
    pair = Translation("java", CODE, "csharp", csharp, False, **KNOWN)
    assert len(about(pair, Translation("csharp", csharp, "java", CODE, False, **KNOWN))) == 1


def test_a_problem_solved_in_two_languages_is_one_problem():
    solved = [ContestSolution(name, "A", "Read n and print its square.", "x", **KNOWN) for name in ("cpp", "java")]
    assert len(about(*solved)) == 1


def test_a_question_is_about_its_words_whatever_snippets_a_source_lists():
    asked = [
        Question("python", "Sort a list, in place?", ("a", "b"), (0,), topic="17", **KNOWN),
        Question("python", "sort a list in place", ("c",), (0,), **KNOWN),
    ]
    assert len(about(*asked)) == 1


def test_two_cuts_of_a_file_are_about_the_same():
    file = "package a ; import java . util . List ; public class A { " + "int x ; " * 60
    cuts = [UnfinishedCode("java", file[:size], "int", True, **KNOWN) for size in (150, 420)]
    assert len(about(*cuts)) == 1


def test_a_pair_is_about_both():
    keys, counts = material_keys([ClonePair("java", CODE, BUGGY, True, **KNOWN)])
    assert counts.tolist() == [2] and len(set(keys.tolist())) == 2


def test_a_row_knows_the_whole_function_of_which_it_shows_a_part():
    row = make_example(TASKS["code-repair"], Repair("java", BUGGY, CODE, False, **KNOWN), "test", 0)
    assert subject_of(row).about == (Code("java", CODE),)
    assert "subject" not in row.to_row()


@pytest.mark.parametrize("changes", [{"input": CODE, "output": "Sums."}, {"instruction": "Sum it.", "output": CODE}])
def test_a_finished_row_is_about_the_longer_text(changes):
    assert subject_of(example(1, language="java", **changes)).about == (Code("java", CODE, mixed=True),)


def test_where_both_texts_are_short_the_question_counts():
    rows = [example(n, instruction=text, output="print(x)") for n, text in enumerate(("Print x.", "Show x."))]
    keys = subject_keys(rows)
    assert len(set(keys.about.tolist())) == 2 and not len(keys.functions)


def test_the_functions_of_a_text_are_keys_of_its_row():
    answer = f"Use a class:\n```java\nclass A {{ {CODE} }}\n```\nDone."
    rows = [example(1, output="print(x)"), example(2, language="java", output=answer), example(3, output=CODE)]
    keys = subject_keys([rows[0], rows[1], rows[2].model_copy(update={"language": "java"})])
    shown = {row: set(keys.functions[keys.function_rows == row].tolist()) for row in range(3)}
    assert not shown[0] and len(shown[1]) == 3 and shown[2] <= shown[1]


def rows_of_programs(count):
    lines = "\n".join(f"    total_{n} = weigh(parts[{n}], scale) + {n}" for n in range(8))
    return [example(n, output=f"def load_{n}(parts, scale):\n{lines}\n    return total_{n % 8}") for n in range(count)]


def test_rows_have_the_same_keys_however_many_there_are():
    rows = rows_of_programs(300)
    together, alone = subject_keys(rows), [subject_keys([row]) for row in rows]
    assert np.array_equal(together.about, np.concatenate([one.about for one in alone]))
    assert np.array_equal(together.functions, np.concatenate([one.functions for one in alone]))
    assert together.about_rows.tolist() == list(range(300)) and together.function_rows.max() == 299
    assert len(subject_keys([]).about) == 0


def test_keys_of_many_rows_take_the_memory_of_some():
    def peak(count):
        rows = rows_of_programs(count)
        tracemalloc.start()
        try:
            subject_keys(rows)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(768) < 2 * peak(256)
