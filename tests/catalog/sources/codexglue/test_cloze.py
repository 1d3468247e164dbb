import gzip

import pytest

from coma_cli.catalog.material import Cloze
from coma_cli.catalog.sources.codexglue.cloze import ALL, MASK, MAXMIN
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

ROWS = [
    {"idx": "maxmin-1", "nl_tokens": ["Cap", "it", "."], "pl_tokens": ["return", MASK, "(", "a", ",", "b", ")"]},
    {"idx": "maxmin-2", "nl_tokens": ["No", "mask"], "pl_tokens": ["a"]},
    {"idx": "maxmin-3", "nl_tokens": None, "pl_tokens": [MASK]},
    {"idx": "maxmin-4", "nl_tokens": [], "pl_tokens": [MASK, "+", "1"]},
    {"idx": "maxmin-1", "nl_tokens": [], "pl_tokens": [MASK]},
]
ANSWERS = "maxmin-1<CODESPLIT>min\nmaxmin-3<CODESPLIT>max\n"
HUB = {"id": "int32", "idx": "string", "nl_tokens": "list", "pl_tokens": "list"}
EXPECTED = Cloze(
    language="python",
    description="Cap it .",
    tokens=("return", MASK, "(", "a", ",", "b", ")"),
    answer="min",
    choices=("max", "min"),
    licence="C-UDA-1.0",
    origin=Origin(path="data/cloze-maxmin/python/clozeTest.json", row="maxmin-1", split="test"),
)
KEPT_ASIDE = [
    ("broken-row", "maxmin-2"),
    ("broken-row", "maxmin-3"),
    ("answer-withheld", "maxmin-4"),
    ("duplicate-id", "5"),
]


def put_raw(folder, answers=ANSWERS):
    put(folder / "data" / "cloze-maxmin" / "python" / "clozeTest.json", ROWS)
    if answers:
        put(folder / "evaluator" / "answers" / "python" / "answers.txt", answers)
    return folder


def test_answers_are_read_from_the_scorers_file(tmp_path):
    put_raw(tmp_path)
    found = read(MAXMIN, tmp_path)
    assert good(found) == [EXPECTED]
    assert dropped(found) == KEPT_ASIDE
    assert [shard.split for shard in MAXMIN.find(tmp_path)] == ["test"]


@pytest.mark.parametrize("answers", ["", "maxmin-1<CODESPLIT>token1\n", "maxmin-1<CODESPLIT>\n", "no answers\n"])
def test_without_answers_every_row_is_rejected(tmp_path, answers):
    found = read(MAXMIN, put_raw(tmp_path, answers))
    assert good(found) == []
    assert dropped(found)[0] == ("answer-withheld", "maxmin-1")


def test_answers_are_not_mixed_up_between_languages(tmp_path):
    put_raw(tmp_path)
    put(tmp_path / "data" / "cloze-maxmin" / "go" / "clozeTest.json", ROWS[:1])
    assert [m.language for m in good(read(MAXMIN, tmp_path))] == ["python"]


def test_any_word_may_be_the_answer_of_the_larger_test(tmp_path):
    put(
        tmp_path / "cloze-all" / "ruby" / "clozeTest.json.gz",
        gzip.compress(b'[{"idx":"all-1","nl_tokens":["x"],"pl_tokens":["<mask>"]}]'),
    )
    put(tmp_path / "answers" / "ruby" / "answers.txt", "all-1<CODESPLIT>append\n")
    (found,) = read(ALL, tmp_path)
    assert (found.language, found.answer, found.choices) == ("ruby", "append", ())


def test_the_hubs_train_split_is_upstreams_test_split(tmp_path):
    rows = [{"id": n, **row} for n, row in enumerate(ROWS)]
    put_parquet(tmp_path / "python" / "train-00000-of-00001.parquet", rows, HUB)
    put(tmp_path / "answers" / "python" / "answers.txt", ANSWERS)
    found = read(MAXMIN, tmp_path)
    assert [(m.tokens, m.answer, m.origin.split) for m in good(found)] == [(EXPECTED.tokens, "min", "test")]
    assert dropped(found) == KEPT_ASIDE


def test_an_archive_and_a_single_file_know_their_language(tmp_path):
    put_raw(tmp_path / "raw")
    archive = zipped(tmp_path / "raw", tmp_path / "cloze.zip")
    assert [m.language for m in good(read(MAXMIN, archive))] == ["python"]
    single = tmp_path / "raw" / "data" / "cloze-maxmin" / "python" / "clozeTest.json"
    assert [shard.language for shard in MAXMIN.find(single)] == ["python"]


def test_missing_columns_are_named(tmp_path):
    put(tmp_path / "go" / "clozeTest.json", [{"idx": "1", "tokens": []}])
    with pytest.raises(BrokenSourceError, match="no row has the columns idx, nl_tokens, pl_tokens; it has idx, tokens"):
        read(MAXMIN, tmp_path)


def test_the_real_slices(tmp_path):
    place = shared_data() / MAXMIN.folder
    counts = {"go": 100, "java": 300, "javascript": 180, "php": 270, "python": 500, "ruby": 26}
    assert counted(MAXMIN, place) == {f"{name}/clozeTest.json": (0, count) for name, count in counts.items()}
    assert {reason for reason, _ in dropped(read(MAXMIN, place))} == {"answer-withheld"}
    # With answers beside them (here made up) the same rows are material.
    put(tmp_path / "given" / "ruby" / "clozeTest.json", (place / "ruby" / "clozeTest.json").read_bytes())
    answers = "".join(f"maxmin-{n}<CODESPLIT>max\n" for n in range(1, 27))
    put(tmp_path / "given" / "answers" / "ruby" / "answers.txt", answers)
    found = good(read(MAXMIN, tmp_path / "given"))
    assert len(found) == 26
    assert found[0].description == "Delete all copies that are older than the max age provided in seconds ."
    assert " ".join(found[0].tokens).startswith("def clean ( <mask> : 24 * 60 * 60 ) Futex . new ( file , log : @log )")
