import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination import shipped
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex, tables_of
from coma_cli.corpus.decontamination.decontaminate import contaminations, index_of
from coma_cli.corpus.decontamination.tables import Tables
from coma_cli.jsonl import read_rows, sha256_of
from tests.corpus import disguises, planting
from tests.corpus.rows import example
from tests.requirements import shared_data

TABLES = ("runs", "statements", "checks", "shapes", "named", "bodies")


@pytest.fixture(scope="module")
def index():
    return index_of([])


@pytest.fixture(scope="module")
def odd():
    return [p for p in BENCHMARKS["humaneval"].load().problems if int(p.task_id.split("/")[1]) % 2]


def of_bench(tables, bench):
    """What the tables hold of one benchmark: hashes with the names of their owners."""
    found = {}
    for name in TABLES:
        rows = getattr(tables, name).items()
        if name in ("runs", "shapes", "named"):
            pairs = list(rows)
        else:
            pairs = [((key, *one[:3]), one.owner) for key, stretches in rows for one in stretches]
        found[name] = {(key, tables.owners[owner]) for key, owner in pairs if tables.owners[owner].bench == bench}
    return found


def test_the_hashes_of_humaneval_are_those_that_its_package_gives():
    here = shipped.shipped()
    problems = BENCHMARKS["humaneval"].load().problems
    made = tables_of("humaneval", problems, here.background)
    # HumanEval is the first benchmark of the file, so all that it has in common with the others belongs to it.
    assert of_bench(here.tables, "humaneval") == of_bench(made, "humaneval")
    assert here.content_sha256["humaneval"] == sha256_of([one.to_row() for one in problems])
    assert made.words <= here.tables.words
    assert here.tables.sizes == {"humaneval": 164, "mbpp": 500, shipped.OTHER_SPLITS: 474}


def test_what_is_packed_is_unpacked():
    here = shipped.shipped()
    there = shipped.unpacked(shipped.packed(here))
    assert there.tables == here.tables
    assert there.background == here.background
    assert there.content_sha256 == here.content_sha256


def test_the_file_holds_no_text_but_ids():
    about = json.loads(np.load(Path(shipped.__file__).parent / shipped.FILE)["about"].tobytes())
    assert about.keys() == {"sizes", "bare", "content", "ids"}
    assert all(one.startswith(("HumanEval/", "MBPP/")) for one in about["ids"])


def test_without_any_file_mbpp_is_checked_too(index):
    asked = "Write a function to sort a given matrix in ascending order according to the sum of its rows."
    hit, clean = contaminations([example(1, instruction=asked), example(2)], index)
    assert clean is None
    assert (hit.bench, hit.problem, hit.part, hit.level) == ("mbpp", "MBPP/12", "problem", 1)
    assert hit.shared.startswith("write a function to sort a given matrix in ascending order")


def test_the_whole_file_of_mbpp_is_found_and_its_training_split_is_no_leak_of_itself(index):
    published = list(read_rows(shared_data() / "mbpp" / "mbpp.jsonl"))
    rows = [example(n, instruction=row["text"], output=row["code"]) for n, row in enumerate(published)]
    assert [
        row["task_id"] for row, hit in zip(published, contaminations(rows, index), strict=True) if hit is None
    ] == []
    own = [example(n, source="mbpp", instruction=p["text"]) for n, p in enumerate(published) if p["task_id"] > 600]
    hits = [hit for hit in contaminations(own, index) if hit is not None]
    assert {hit.bench for hit in hits} == {"mbpp"}  # texts that the test split has as well
    assert len(hits) < 0.2 * len(own)


def test_a_known_benchmark_is_not_indexed_again():
    loaded = BENCHMARKS["humaneval"].load()
    assert index_of([loaded]) is index_of([])
    assert index_of([]).problems["mbpp"] == 500


CODE = {
    "verbatim": str,
    "annotated": disguises.annotated,
    "x = x + 1": disguises.without_augmented_assignment,
    "result variable": disguises.with_result_variable,
    "prints": disguises.with_prints,
    "constants outside": disguises.with_constants_outside,
    "statements swapped": disguises.with_statements_swapped,
    "method": disguises.in_a_class,
    "line numbers": disguises.with_line_numbers,
    "comments": planting.with_other_comments,
}


@pytest.mark.parametrize("change", CODE.values(), ids=CODE)
def test_solutions_are_found_in_disguise(index, odd, change):
    """All but HumanEval/53, `return x + y`, which many honest rows have."""
    rows = [example(n, instruction="Do it.", output=change(planting.without_question(p))) for n, p in enumerate(odd)]
    lost = [p.task_id for p, hit in zip(odd, contaminations(rows, index), strict=True) if hit is None]
    assert lost == ["HumanEval/53"]


@pytest.mark.parametrize("change", [disguises.in_base64, disguises.among_candidates])
def test_coded_solutions_are_found(index, odd, change):
    rows = [example(n, input=change(planting.without_question(p)), output="pass") for n, p in enumerate(odd)]
    lost = [p.task_id for p, hit in zip(odd, contaminations(rows, index), strict=True) if hit is None]
    assert lost == ["HumanEval/53"]


TEXT = {
    "look-alikes": lambda p: disguises.with_look_alikes(p.prompt),
    "entities": lambda p: disguises.with_entities(p.prompt),
    "other name": lambda p: disguises.with_other_name(p.prompt, p.entry_point),
    "as a JSON string": lambda p: json.dumps(p.prompt),
}


@pytest.mark.parametrize("change", TEXT.values(), ids=TEXT)
def test_texts_are_found_in_disguise(index, odd, change):
    rows = [example(n, instruction=change(p), output="pass") for n, p in enumerate(odd)]
    assert [p.task_id for p, hit in zip(odd, contaminations(rows, index), strict=True) if hit is None] == []


def test_tests_are_found_under_another_name(index, odd):
    """But for four whose tests compute the expected value or say nothing but that something holds."""
    texts = [disguises.with_other_name(p.tests.replace("candidate", p.entry_point), p.entry_point) for p in odd]
    rows = [example(n, instruction=f"Make these pass:\n{text}", output="pass") for n, text in enumerate(texts)]
    hits = contaminations(rows, index)
    assert sum(hit is None for hit in hits) <= 4
    assert {hit.part for hit in hits if hit is not None} >= {"test"}


def test_a_cloze_text_is_read_with_its_answer(index):
    solution = planting.without_question(BENCHMARKS["humaneval"].load().problems[25])
    masked = " ".join(solution.replace("fact", "<mask>", 1).split())
    assert "<mask>" in masked
    (hit,) = contaminations([example(1, input=masked, output="fact")], index)
    assert hit is not None and hit.problem == "HumanEval/25"


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that takes a string as input and returns the number of seconds that a duration stands for.",
        "Create a PHP function that takes a string as input and returns the number of vowels in the string.",
        "Write a function to check whether the given string is the name of a month.",
        "$numbers = array('one' => 1, 'two' => 2, 'three' => 3, 'four' => 4, 'five' => 5);",
    ],
)
def test_stock_phrases_and_counting_prove_nothing(index, text):
    assert contaminations([example(1, instruction=text)], index) == [None]


def test_tables_of_two_benchmarks_keep_their_owners():
    problems = BENCHMARKS["humaneval"].load().problems
    one, both = Tables(), Tables()
    for bench, some in (("a", problems[:2]), ("b", problems[2:4])):
        made = tables_of(bench, some, shipped.shipped().background)
        both.update(made)
        one = made
    index = BenchmarkIndex()
    index.add_tables(both)
    assert index.problems == {"a": 2, "b": 2}
    owner, _ = index.find(problems[3].prompt)
    assert (owner.bench, owner.task_id) == ("b", "HumanEval/3")
    assert of_bench(both, "b") == of_bench(one, "b")


def _rows(name):
    return list(read_rows(shared_data().parent / "planted" / f"{name}.jsonl"))


def test_the_planted_sets_give_what_they_must(index):
    if not (shared_data().parent / "planted").is_dir():
        pytest.skip("needs ../shared/planted")
    fields = ("instruction", "input", "output", "language")
    leaks, clean = map(_rows, ("leaks", "clean"))
    found = [
        [
            hit is not None
            for hit in contaminations([example(n, **{k: r[k] for k in fields}) for n, r in enumerate(rows)], index)
        ]
        for rows in (leaks, clean)
    ]
    dropped = [hit for row, hit in zip(leaks, found[0], strict=True) if row["_want"] == "drop"]
    lost = [row["_kind"] for row, hit in zip(clean, found[1], strict=True) if hit and row["_want"] == "keep"]
    assert (sum(dropped), len(dropped)) == (50, 50)
    assert lost == []


@pytest.mark.slow
def test_the_script_that_makes_the_file_makes_the_same_tables(tmp_path):
    """With the background that is stored, since its texts are not here."""
    path = Path(__file__).parents[3] / "docs" / "hash_benchmarks.py"
    spec = importlib.util.spec_from_file_location("hash_benchmarks", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    here = shipped.shipped()
    benchmarks = script.benchmarks_of(shared_data() / "mbpp" / "mbpp.jsonl")
    made = script.hashed(benchmarks, here.background)
    assert made.tables.sizes == here.tables.sizes
    for name, array in here.tables.arrays().items():
        assert np.array_equal(made.tables.arrays()[name], array), name
    assert made.content_sha256 == here.content_sha256
