import pytest

from coma_cli.catalog.material import UnfinishedCode
from coma_cli.catalog.sources.codexglue.code_completion_line import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.catalog.sources.row_forms import lines
from tests.requirements import shared_data

ROWS = [
    {"id": 3, "input": "<s> import os <EOL> print (", "gt": "os )"},
    {"id": 4, "input": "<s> a", "gt": ""},
    {"id": 5, "input": None, "gt": "b"},
    {"id": 3, "input": "<s> again", "gt": "c"},
]
EXPECTED = UnfinishedCode(
    language="python",
    before="import os <EOL> print (",
    line="os )",
    tokenized=True,
    licence="C-UDA-1.0",
    origin=Origin(path="dataset/py150/dev.json", row="id 3", split="validation"),
)


def test_rows_give_the_beginning_and_the_rest_of_the_line(tmp_path):
    put(tmp_path / "dataset" / "py150" / "dev.json", lines(ROWS))
    (found, *rest) = read(SOURCE, tmp_path)
    assert found == EXPECTED
    assert dropped(rest) == [("answer-withheld", "id 4"), ("broken-row", "id 5"), ("duplicate-id", "4")]


@pytest.mark.parametrize(
    ("before", "line", "answer"),
    [
        ("int f ( ) {", "int a = 1 ; return a ;", "int a = 1 ;"),
        ("void f ( Bundle b )", "{ on = true ;", "{"),
        ("for ( int i = 0 ;", "i < n ; i ++ ) { go ( i ) ;", "i < n ; i ++ ) {"),
        (
            "x = go ( a",
            ", new B ( ) { int f ( ) { return 1 ; } } ) ; y = 2 ;",
            ", new B ( ) { int f ( ) { return 1 ; } } ) ;",
        ),
    ],
)
def test_answers_in_java_end_with_their_statement(tmp_path, before, line, answer):
    put(tmp_path / "dataset" / "javaCorpus" / "dev.json", lines([{"id": 1, "input": f"<s> {before}", "gt": line}]))
    (found,) = read(SOURCE, tmp_path)
    assert (found.before, found.line) == (before, answer)


@pytest.mark.parametrize(
    ("folder", "before", "line", "why"),
    [
        ("javaCorpus", "int a ; import org . example", ". Thing ;", "an import"),
        ("javaCorpus", "class A { }", "public void run ( ) {", "the start of a declaration"),
        ("javaCorpus", "a . b", ". c ( )", "it goes on after its end"),
        ("py150", "import os <EOL> from a", "import b", "an import"),
        ("py150", "x = 1 <EOL>", "def run ( a ) :", "the start of a declaration"),
        ("py150", "x = 1 <EOL> print (", "'<STR_LIT>' , x", "it goes on after its end"),
    ],
)
def test_lines_that_nothing_tells_or_that_go_on_are_rejected(tmp_path, folder, before, line, why):
    put(tmp_path / "dataset" / folder / "dev.json", lines([{"id": 1, "input": f"<s> {before}", "gt": line}]))
    (found,) = read(SOURCE, tmp_path)
    assert (found.reason, found.detail) == ("unknowable-line", why)


def test_only_the_rows_files_are_read(tmp_path):
    for name in ("javaCorpus/line_completion/test.json", "javaCorpus/dev.json", "javaCorpus/literals.json"):
        put(tmp_path / "dataset" / name, lines(ROWS[:1]))
    put(tmp_path / "evaluator" / "answers.json", lines(ROWS[:1]))
    assert [(s.name, s.split, s.language) for s in SOURCE.find(tmp_path)] == [
        ("dataset/javaCorpus/dev.json", "validation", "java"),
        ("dataset/javaCorpus/line_completion/test.json", "test", "java"),
    ]


def test_rows_without_an_id_are_numbered(tmp_path):
    put(tmp_path / "py150" / "train.json", lines([{"input": "<s> a", "gt": "b"}] * 2))
    assert [m.origin.row for m in read(SOURCE, tmp_path)] == ["1", "2"]


def test_the_hub_format_is_upstreams_test_split_without_answers(tmp_path):
    types = {"id": "int32", "input": "string", "gt": "string"}
    put_parquet(tmp_path / "python" / "train-00000-of-00001.parquet", ROWS, types)
    found = read(SOURCE, tmp_path)
    assert [(m.language, m.before, m.line, m.origin.split) for m in good(found)] == [
        ("python", EXPECTED.before, "os )", "test")
    ]
    assert dropped(found)[0] == ("answer-withheld", "id 4")


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    put(tmp_path / "raw" / "dataset" / "py150" / "dev.json", lines(ROWS[:1]))
    archive = zipped(tmp_path / "raw", tmp_path / "dataset.zip")
    assert [m.line for m in read(SOURCE, archive)] == ["os )"]


def test_a_file_in_another_format_is_a_broken_source(tmp_path):
    put(tmp_path / "py150" / "dev.json", '["a", "b"]')
    with pytest.raises(BrokenSourceError, match="row 1: a JSON str, not an object"):
        read(SOURCE, tmp_path)


def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "dataset/javaCorpus/dev.json": (953, 247),
        "dataset/javaCorpus/line_completion/test.json": (0, 5),
        "dataset/py150/dev.json": (564, 36),
        "dataset/py150/line_completion/test.json": (0, 5),
    }
    found = read(SOURCE, place)
    assert {reason for reason, _ in dropped(found)} == {"answer-withheld", "unknowable-line"}
    first = next(m for m in good(found) if m.language == "python")
    assert first == UnfinishedCode(
        language="python",
        before="from collections import namedtuple <EOL> from ... util import ordered <EOL> from . import "
        "defaults <EOL> Revert = namedtuple ( \"<STR_LIT>\" , [ '<STR_LIT>' , '<STR_LIT>' , '<STR_LIT>' ] ) <EOL> "
        '"""<STR_LIT>""" <EOL> class Detector ( ordered .',
        line="HistoricalMap ) :",
        tokenized=True,
        licence="C-UDA-1.0",
        origin=Origin(path="dataset/py150/dev.json", row="1", split="validation"),
    )
