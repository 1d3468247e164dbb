import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, SAMPLED, VALIDATION
from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import sha256_of
from tests.evaluation.measuring.rows import ROWS, SEARCHED, row, write


def held_out(number: int):
    return problem_of(ROWS[number - 1]).held_out


def test_rows_of_every_task_are_known():
    assert {one["task"] for one in ROWS} == set(TASKS)
    assert [problem_of(one).held_out.task for one in ROWS] == [one["task"] for one in ROWS]


def test_what_is_measured_depends_on_task_and_answer():
    measures = [problem_of(one).held_out.measure for one in ROWS]
    assert measures == [
        "labels", "choice", "choice", "line", "rewrite", "rewrite", "summary", "summary", "code", "code", "labels",
        "word", "word", "code",
    ]  # fmt: skip


def test_labels_are_those_of_the_text_language():
    assert held_out(1).labels == ("yes", "no")
    assert held_out(12).labels is None
    chinese = problem_of(row(1, "defect-detection", "有缺陷", text_language="cn"))
    assert chinese.held_out.labels == ("有缺陷", "无缺陷")


def test_candidates_are_found_in_the_input():
    assert held_out(3).candidates == tuple(SEARCHED)
    assert held_out(2).candidates == ("int b(){}", "int c(){}")
    assert problem_of(row(3, "code-search", "x", "not a list")).held_out.measure == "word"


def test_a_translation_is_in_the_language_that_the_instruction_names():
    assert (held_out(6).language, held_out(6).answer_language) == ("java", "csharp")


def test_assertions_in_the_input_are_tests_if_the_rows_own_program_is_what_they_call():
    problem = problem_of(ROWS[8])
    assert problem.tests == "assert add(1, 2) == 3\nassert add(2, 2) == 4\n"
    assert problem.entry_point == "add"
    assert problem_of(ROWS[9]).tests == ""
    assert problem_of(row(9, "code-generation", "x = 1", "assert add(1, 2) == 3")).tests == ""
    assert problem_of(row(9, "code-repair", "def add(a, b): return a", "assert add(1, 2) == 3")).tests == ""


def test_a_row_without_an_id_gets_one_by_its_content():
    one = {key: value for key, value in ROWS[3].items() if key != "id"}
    assert problem_of(one).task_id == problem_of(one).task_id != problem_of({**one, "output": "x"}).task_id


def test_the_question_as_one_message():
    assert (problem_of(ROWS[6]).instruction, problem_of(ROWS[6]).input) == ("Do task 7.", "def f(a): return a")


def test_other_benchmarks_keep_their_hashes():
    problem = BENCHMARKS["humaneval"].load().problems[0]
    assert "held_out" not in problem.to_row()
    assert type(problem).from_row(problem.to_row(), "here") == problem
    own = problem_of(ROWS[0])
    assert type(own).from_row(own.to_row(), "here") == own


def test_files_are_read_together(tmp_path):
    first, second = write(tmp_path / "a.jsonl", ROWS[:3]), write(tmp_path / "b.jsonl", ROWS[3:5])
    loaded = SAMPLED[VALIDATION].load_all([first, second])
    assert [problem.task_id for problem in loaded.problems] == [f"row-{n}" for n in range(1, 6)]
    assert loaded.content_sha256 == sha256_of([problem.to_row() for problem in loaded.problems])


def test_a_folder_stands_for_its_validation_file(tmp_path):
    write(tmp_path / "validation.jsonl", ROWS[:2])
    assert len(SAMPLED[VALIDATION].load(tmp_path).problems) == 2


def test_rows_of_unknown_tasks_are_skipped_beside_known_ones(tmp_path):
    path = write(tmp_path / "rows.jsonl", [ROWS[0], row(2, "poetry", "x")])
    assert len(SAMPLED[VALIDATION].load(path).problems) == 1


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row(1, "poetry", "x"), row(2, "haiku", "x")], "their tasks are haiku, poetry"),
        ([{"instruction": "a", "output": "b"}], 'they have no field "task"'),
        ([{"instruction": "a", "output": "b", "task": 3}], "their tasks are 3"),
    ],
)
def test_a_file_without_a_known_task_is_an_error_that_names_the_tasks(tmp_path, rows, found):
    with pytest.raises(MissingInputError, match=found) as error:
        SAMPLED[VALIDATION].load(write(tmp_path / "rows.jsonl", rows))
    assert "code-summarization" in str(error.value.hint)


def test_a_row_without_an_answer_is_an_error_with_its_number(tmp_path):
    broken = {**ROWS[1], "output": None}
    with pytest.raises(MissingInputError, match="row 2"):
        SAMPLED[VALIDATION].load(write(tmp_path / "rows.jsonl", [ROWS[0], broken]))


OWN = {"task_id": "sql/1", "prompt": "Select all names.", "reference": "SELECT name FROM t", "metric": "exact-match"}


def test_a_row_of_ones_own_names_its_metric():
    problem = problem_of(OWN)
    assert (problem.task_id, problem.instruction, problem.input) == ("sql/1", "Select all names.", "")
    assert problem.held_out.measure == "exact-match"
    assert problem_of({**OWN, "metric": "codebleu", "language": "java"}).held_out.answer_language == "java"


def test_such_rows_are_enough_for_a_file(tmp_path):
    assert len(SAMPLED[VALIDATION].load(write(tmp_path / "own.jsonl", [OWN])).problems) == 1


def test_an_unknown_metric_and_a_missing_field_name_the_row(tmp_path):
    for broken in ({**OWN, "metric": "rouge"}, {key: value for key, value in OWN.items() if key != "prompt"}):
        with pytest.raises(MissingInputError, match="row 2"):
            SAMPLED[VALIDATION].load(write(tmp_path / "own.jsonl", [OWN, broken]))
