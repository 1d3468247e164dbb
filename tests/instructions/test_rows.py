"""Rows: what they carry, and that repeats and benchmark texts do not become training data."""

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.available import BenchmarkPlaces, available_benchmarks
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.instructions.code_functions import CODE_FUNCTIONS
from coma_cli.instructions.rounds import ItemDraft
from coma_cli.instructions.rows import rows_of
from coma_cli.instructions.seeds import Seed
from coma_cli.instructions.settings import Filters, GenSettings
from coma_cli.records import Origin
from tests.requirements import shared_data

# The programs of these drafts have nothing to do with their functions.
SETTINGS = GenSettings(model="some-model", validation_share=0.0, second_round="from-instruction")
SPLIT = SETTINGS.model_copy(update={"validation_share": 0.3})


def a_draft(number: int, instruction: str | None = None, program: str | None = None) -> ItemDraft[Seed]:
    seed = Seed(f"{number:016x}", "python", f"def f{number}(): pass", "MIT", Origin(path="p.jsonl", row=str(number)))
    instruction = instruction or f"Write a Python program that prints the first {number} words of a given sentence."
    program = program or f"def go():\n    print('a b c'.split()[:{number}])\n\n\ngo()"
    return ItemDraft(seed, "accepted", (instruction, program), answers=("a" * 64, "b" * 64))


def test_a_row_says_where_it_is_from_and_how_it_was_made():
    (row,) = rows_of(CODE_FUNCTIONS, [a_draft(3)], SETTINGS, None).train
    assert (row.task, row.source, row.language, row.text_language) == (
        "code-generation",
        "gen-instructions",
        "python",
        "en",
    )
    assert (row.licence, row.origin.path, row.origin.row, row.input) == ("MIT", "p.jsonl", "3", "")
    assert row.made_by == f"some-model in two rounds, answers {'a' * 16} {'b' * 16}"
    assert row.id == "gen-instructions/python/0000000000000003"


def test_of_rows_that_ask_the_same_the_first_function_stays():
    same = "Write a Python program that sums a list of integers and prints the total."
    rows = rows_of(CODE_FUNCTIONS, [a_draft(9, same), a_draft(1, same.upper()), a_draft(2)], SETTINGS, None)
    assert [row.origin.row for row in rows.train] == ["2", "9"]
    assert rows.reasons == {"duplicate": 1}


def test_text_of_a_benchmark_is_removed_wherever_it_stands():
    humaneval = BENCHMARKS["humaneval"].load()
    index = BenchmarkIndex()
    index.add("humaneval", humaneval.problems)
    problem = next(p for p in humaneval.problems if p.task_id == "HumanEval/0")
    rows = rows_of(
        CODE_FUNCTIONS,
        [a_draft(1, instruction=problem.prompt), a_draft(2, program=problem.reference + "\nprint(1)"), a_draft(3)],
        SETTINGS,
        index,
    )
    assert [row.origin.row for row in rows.train] == ["3"]
    assert rows.reasons == {"contaminated": 2}
    assert all("HumanEval/0" in row.detail for row in rows.dropped)


def test_the_two_sides_share_nothing_and_lose_nothing():
    drafts = [
        a_draft(
            n,
            f"Write a Python program that prints item {'abcdefghij'[n % 10] * (n + 1)} of a sorted list of words.",
            f"def g():\n    return '{'qwertzuiop'[n % 10] * (n + 1)}'\n\n\nprint(g())",
        )
        for n in range(60)
    ]
    rows = rows_of(CODE_FUNCTIONS, drafts, SPLIT, None)
    train, validation = {r.id for r in rows.train}, {r.id for r in rows.validation}
    assert len(train) + len(validation) + len(rows.dropped) == 60 and not train & validation
    assert 5 < len(validation) < 35
    more = rows_of(CODE_FUNCTIONS, [*drafts, a_draft(99)], SPLIT, None)
    assert train <= {r.id for r in more.train}, "a row never changes its side"


def test_generated_rows_are_kept_clear_of_every_benchmark_of_a_folder():
    loaded = available_benchmarks(BenchmarkPlaces(given=shared_data())).loaded
    problem = loaded[-1].problems[0]
    index = BenchmarkIndex()
    index.add(loaded[-1].name, loaded[-1].problems)
    rows = rows_of(CODE_FUNCTIONS, [a_draft(1, program=problem.reference), a_draft(2)], SETTINGS, index)
    assert [row.key for row in rows.train] == [f"gen-instructions/python/{2:016x}"]
    assert rows.reasons == {"contaminated": 1}


def test_an_instruction_that_nearly_repeats_an_earlier_one_is_dropped_whatever_its_program():
    same = "Write a Python program that sums the integers of a list, skips those below a limit and prints the total."
    near = same.replace("prints the total", "prints the total at its end")
    other = "Write a Python program that draws a triangle of stars with a given height."
    drafts = [a_draft(9, same), a_draft(1, near), a_draft(2, other)]
    rows = rows_of(CODE_FUNCTIONS, drafts, SETTINGS, None)
    assert rows.reasons == {"near-repeat": 1} and [row.row["origin"]["row"] for row in rows.dropped] == ["1"]
    loose = SETTINGS.model_copy(update={"filters": Filters(checks=())})
    assert rows_of(CODE_FUNCTIONS, drafts, loose, None).reasons == {}
