"""One reader for all forms: the same rows, bad ones with their place, and files that are broken as a whole."""

import contextlib
import gzip
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import BrokenSourceError, Piece
from coma_cli.formats.files import one_file
from coma_cli.formats.parquet_rows import Extent
from coma_cli.formats.row_files import BadRow, read_array, read_rows, read_values, whole_rows
from tests.formats.written import BOM, FORMS, array, cells, lines, objects, parquet, zipped

TEXT = 'first\r\n\tsecond, "quoted" \u2028 \u0085 中 🙂\n'
ROWS = [{"id": str(n), "text": f"{TEXT}{n}", "empty": "", "": "unnamed"} for n in range(4)]


def put(tmp_path, content, name="rows"):
    (tmp_path / name).write_bytes(content)
    return one_file(tmp_path / name)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(tmp_path, form):
    rows = [{name: text for name, text in row.items() if name} for row in ROWS]
    assert list(read_rows(put(tmp_path, FORMS[form][0](rows)))) == list(enumerate(rows, start=1))


@pytest.mark.parametrize("form", FORMS)
def test_pieces_are_together_the_whole_file(tmp_path, form):
    rows = [{"n": str(n), "text": "x"} for n in range(2 * Piece.STRETCH + 3)]
    file = put(tmp_path, FORMS[form][0](rows))
    pieces = [list(read_rows(file, piece=Piece(number, 2), extent=Extent(rows_at_once=700))) for number in range(2)]
    assert [len(entries) for entries in pieces] == [Piece.STRETCH + 3, Piece.STRETCH]
    assert sorted(entry for entries in pieces for entry in entries) == list(enumerate(rows, start=1))


CELLS = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: text not in ("NaN", "nan"))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from([",", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_any_text_comes_back_from_csv(tmp_path_factory, values, delimiter, end):
    rows = [{"one": one, "two": two} for one, two in values]
    file = put(tmp_path_factory.mktemp("csv"), cells(rows or [{"one": "", "two": ""}], delimiter, end))
    assert [row for _, row in whole_rows(file)] == (rows or [{"one": "", "two": ""}])


def test_a_cell_of_nan_is_none_and_an_index_without_a_name_is_no_column(tmp_path):
    file = put(tmp_path, b",input,output\n0,NaN,nan\n1,,0\n2,nano,NULL\n")
    assert [row for _, row in whole_rows(file)] == [
        {"input": None, "output": None},
        {"input": "", "output": "0"},
        {"input": "nano", "output": "NULL"},
    ]


def test_a_cell_may_be_longer_than_the_csv_module_likes(tmp_path):
    rows = [{"a": "x" * 1_000_000, "b": "y"}]
    assert [row for _, row in whole_rows(put(tmp_path, cells(rows)))] == rows


def bad(tmp_path, content):
    entries = list(read_rows(put(tmp_path, content)))
    return [entry for entry in entries if not isinstance(entry, BadRow)], [
        (str(entry).removeprefix(f"{tmp_path}/"), entry.number) for entry in entries if isinstance(entry, BadRow)
    ]


@pytest.mark.parametrize(
    ("content", "good", "said"),
    [
        (
            b'\n{"a": 1}\n\n{"a": \n[1]\n"x"\n{"a": "\xff"}\n{"a": 2}\n{"a',
            [(1, {"a": 1}), (6, {"a": 2})],
            [
                ("rows:4: not valid JSON (Expecting value: line 2 column 1 (char 7))", 2),
                ("rows:5: a JSON list where an object was expected", 3),
                ("rows:6: a JSON str where an object was expected", 4),
                ("rows:7: not UTF-8 text ('utf-8' codec can't decode byte 0xff in position 7: invalid start byte)", 5),
                ("rows:9: not valid JSON (Unterminated string starting at: line 1 column 2 (char 1))", 7),
            ],
        ),
        (
            b'[{"a": 1}, 2, null, [3], {"a": 4}]',
            [(1, {"a": 1}), (5, {"a": 4})],
            [
                ("rows, row 2: a JSON int, not an object", 2),
                ("rows, row 3: a JSON NoneType, not an object", 3),
                ("rows, row 4: a JSON list, not an object", 4),
            ],
        ),
        (
            b'{\n"a": 1\n}\n[1,\n2]\n\n7\n{"a": 4}',
            [(1, {"a": 1}), (4, {"a": 4})],
            [("rows:4: a JSON list, not an object", 2), ("rows:7: a JSON int, not an object", 3)],
        ),
        (
            b'a,b\n1,"2\n3"\n\n4\n5,6,7\n"8"9,10\n\xff,11\n12,13\n14,"15\n16,17\n',
            [(1, {"a": "1", "b": "2\n3"}), (6, {"a": "12", "b": "13"})],
            [
                ("rows:5: 1 cells where the first line names 2 columns", 2),
                ("rows:6: 3 cells where the first line names 2 columns", 3),
                ("rows:7: not valid CSV (',' expected after '\"')", 4),
                ("rows:8: not UTF-8 text", 5),
                ("rows:10: not valid CSV (unexpected end of data)", 7),
            ],
        ),
    ],
    ids=["lines", "array", "objects", "csv"],
)
def test_bad_rows_come_with_their_place_and_reading_goes_on(tmp_path, content, good, said):
    assert bad(tmp_path, content) == (good, said)


def test_where_every_row_is_needed_the_first_bad_one_is_an_error(tmp_path):
    with pytest.raises(MissingInputError, match=r"rows:2: not valid JSON .*\.$"):
        list(whole_rows(put(tmp_path, b'{"a": 1}\n{"a\n{"a": 2}\n')))


def test_values_that_are_no_objects_are_given_where_they_are_wanted(tmp_path):
    assert list(read_values(put(tmp_path, b'[["a"], {}, 3]'))) == [(1, ["a"]), (2, {}), (3, 3)]
    assert list(read_array(put(tmp_path, b"\n[1, [2]]"))) == [1, [2]]


MANY = [{"text": f"{n} " * 9} for n in range(500)]
BROKEN = {
    "array cut short": (array(MANY)[:-99], "not a whole JSON array: it ends within a value (line 1)"),
    "array, not closed": (array(MANY, 1)[:-1], "not a whole JSON array: the array is not closed (line 1502)"),
    "array with an error": (array(MANY, 1).replace(b'"77 ', b"77 ", 1), "Expecting ',' delimiter (line 234)"),
    "array and more": (array(MANY) + b"\n{}", "there is more after the array (line 2)"),
    "array in Latin-1": ('["é"]'.encode("latin-1"), "is not UTF-8 text"),
    "objects cut short": (objects(MANY)[:-5], "not a whole file of JSON objects: it ends within a value (line 1499)"),
    "objects with an error": (
        objects(MANY).replace(b'"77 ', b"77 ", 1),
        "not a whole file of JSON objects: Expecting ',' delimiter (line 233)",
    ),
    "gzip cut short": (gzip.compress(lines(MANY))[:-99], "is a broken gzip file"),
    "gzip without its end": (gzip.compress(lines(MANY))[:-8], "is a broken gzip file"),
    "gzip with a wrong sum": (gzip.compress(lines(MANY))[:-8] + bytes(8), "is a broken gzip file"),
    "gzip with wrong bytes": (gzip.compress(lines(MANY))[:30] + bytes(400), "is a broken gzip file"),
    "gzip array cut short": (gzip.compress(array(MANY))[:-99], "is a broken gzip file"),
    "gzip csv cut short": (gzip.compress(cells(MANY * 9))[:-99], "is a broken gzip file"),
    "zip cut short": (zipped(lines(MANY))[:-99], "is a broken zip file"),
    "zip with wrong bytes": (zipped(lines(MANY)).replace(b"PK\1\2", b"PK\1\3"), "is a broken zip file"),
    "zip of a cut gzip": (zipped(gzip.compress(lines(MANY))[:-9]), "is a broken gzip file"),
    "utf-16": (lines(MANY).decode().encode("utf-16"), "is UTF-16"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_file_that_is_broken_as_a_whole_is_named(tmp_path, damage):
    content, words = BROKEN[damage]
    with pytest.raises(BrokenSourceError) as error:
        list(read_rows(put(tmp_path, content)))
    assert words in error.value.message and str(tmp_path / "rows") in error.value.message
    assert error.value.hint and error.value.exit_code == 3


@pytest.mark.parametrize("keep", [4, 12, 500, 0.5, 0.99, -1, -8])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zipped])
def test_parquet_that_is_cut_short_is_named(tmp_path, keep, pack):
    content = parquet(MANY)
    cut = content[: keep if isinstance(keep, int) else int(len(content) * keep)]
    with pytest.raises(BrokenSourceError, match=r"rows.* is a broken Parquet file: .*[^.]\.$"):
        list(read_rows(put(tmp_path, pack(cut))))


def test_parquet_with_wrong_bytes_is_named_or_read(tmp_path):
    content = parquet(MANY)
    for place in range(4, len(content) - 4, 97):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        with contextlib.suppress(BrokenSourceError):
            list(read_rows(put(tmp_path, bytes(damaged))))


def test_what_names_no_file_of_rows(tmp_path):
    with pytest.raises(MissingInputError, match=r"There is no file .*nothing"):
        one_file(tmp_path / "nothing")
    with pytest.raises(MissingInputError, match="is a folder where a file should be"):
        one_file(tmp_path)
    path = tmp_path / "several.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(".hidden", "")
    with pytest.raises(MissingInputError, match=r"several\.zip holds 0 files"):
        one_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abcd":
            archive.writestr(name, "")
    with pytest.raises(MissingInputError, match=r"holds 4 files \(a, b, c, \.\.\.\)"):
        one_file(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", BOM, b"[]", BOM + b"\n[\n]\n", b"a,b\n", gzip.compress(b"")])
def test_a_file_without_rows_has_none(tmp_path, content):
    assert list(read_rows(put(tmp_path, content))) == []


MEMORY = """
import resource, sys
from pathlib import Path
from coma_cli.formats.data_file import DataFile
from coma_cli.formats.row_files import read_rows
file = DataFile(Path(sys.argv[1]))
next(read_rows(file))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(1 for _ in read_rows(file)), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("form", ["lines", "array", "objects", "csv", "gzip array", "parquet"])
def test_a_large_file_takes_little_memory(tmp_path, form):
    rows = [{"text": f"{n:07d}" * 300, "more": "x"} for n in range(40_000)]  # 84 MB
    path = tmp_path / "rows"
    path.write_bytes(FORMS[form][0](rows))
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == len(rows)
    assert megabytes < 40


LIGHT = """
import sys
from pathlib import Path
from coma_cli.formats.data_file import DataFile
from coma_cli.formats.row_files import read_rows
assert len(list(read_rows(DataFile(Path(sys.argv[1]))))) == 4
heavy = {"pyarrow", "numpy", "pandas", "pydantic", "tree_sitter", "datasets", "torch"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("form", ["lines", "gzip array with a mark", "csv", "zip objects"])
def test_nothing_heavy_is_imported_until_parquet_is_met(tmp_path, form):
    path = put(tmp_path, FORMS[form][0](ROWS)).path
    if form.startswith("zip"):
        with zipfile.ZipFile(path) as archive:
            path = tmp_path / "unpacked"
            path.write_bytes(archive.read("rows.json"))
    subprocess.run([sys.executable, "-c", LIGHT, str(path)], check=True)
