import gzip
import json

import pytest

from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below
from tests.requirements import package

ROWS = [{"a": "one", "b": "x\r\n"}, {"a": "zwei ü", "b": ""}]


def shard(tmp_path, content, name="rows.dat"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Shard(path, name, "MIT")


def lines(rows):
    return "\n".join(json.dumps(row) for row in rows)


def rows_of(found):
    return [row for _, row in (e for e in found if not isinstance(e, Rejected))]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS, indent=6).encode(),
        b"\xef\xbb\xbf" + json.dumps(ROWS, ensure_ascii=False).encode(),
        lines(ROWS).encode(),
        (lines(ROWS) + "\n\n").encode(),
        gzip.compress(lines(ROWS).encode()),
        gzip.compress(b"  \n" + json.dumps(ROWS).encode()),
    ],
    ids=["array", "array with a mark", "lines", "lines and blanks", "gzip lines", "gzip array"],
)
def test_content_decides_the_form_and_not_the_name(tmp_path, content):
    for name in ("rows.json", "rows.jsonl", "rows.gz"):
        assert rows_of(read_table(shard(tmp_path, content, name), ("a", "b"))) == ROWS


def test_parquet_is_read_by_its_columns(tmp_path):
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "rows.json")
    assert rows_of(read_table(Shard(tmp_path / "rows.json", "rows.json", ""), ("a",))) == ROWS


def test_a_broken_parquet_file_is_a_broken_source(tmp_path):
    package("pyarrow", "train")
    with pytest.raises(BrokenSourceError, match="Parquet"):
        list(read_table(shard(tmp_path, b"PAR1 and nothing more"), ("a",)))


def test_broken_rows_are_kept_aside_with_their_place(tmp_path):
    found = list(read_table(shard(tmp_path, '{"a": "one"}\n{"a": \n[1]\n{"a": "two"}\n'), ("a",)))
    assert rows_of(found) == [{"a": "one"}, {"a": "two"}]
    aside = [e for e in found if isinstance(e, Rejected)]
    assert [(e.reason, e.origin.row) for e in aside] == [("broken-row", "line 2"), ("broken-row", "line 3")]
    assert aside[0].detail.startswith("rows.dat:2: not valid JSON")


def test_rows_of_an_array_that_are_no_objects_are_kept_aside(tmp_path):
    found = list(read_table(shard(tmp_path, '[{"a": "x"}, 3, null]'), ("a",)))
    assert [e.detail for e in found if isinstance(e, Rejected)] == [
        "a JSON int, not an object",
        "a JSON NoneType, not an object",
    ]


def test_a_row_without_a_column_says_what_it_has(tmp_path):
    found = list(read_table(shard(tmp_path, '[{"a": "x", "b": "y"}, {"b": "z", "c": 1}]'), ("a",)))
    (aside,) = [e for e in found if isinstance(e, Rejected)]
    assert (aside.reason, aside.detail) == ("missing-column", "no a; it has b, c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ("[]", "holds no rows"),
        ('[{"a": 1}, ', "not a whole JSON array"),
        ('[{"b": 1}]', "no row has the columns a; it has b"),
        (b'[{"a": "\xff"}]', "not UTF-8"),
        (gzip.compress(lines(ROWS * 500).encode())[:60], "broken gzip"),
        (gzip.compress(json.dumps(ROWS * 500).encode())[:60], "broken gzip"),
        ("plain text\nand more", "no row of it can be read"),
    ],
)
def test_a_file_that_is_broken_as_a_whole_is_an_error_that_names_it(tmp_path, content, message):
    with pytest.raises(BrokenSourceError, match=message) as error:
        list(read_table(shard(tmp_path, content), ("a",)))
    assert "rows.dat" in error.value.message
    assert error.value.exit_code == 3


def test_files_are_found_once_and_in_order(tmp_path):
    for name in ("b.json", "a.json", "sub/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[]")
    assert [s.name for s in shards_below(tmp_path, ["*.json", "a.*", "**/*.json"], "")] == [
        "a.json",
        "b.json",
        "sub/c.json",
    ]
    assert [s.name for s in shards_below(tmp_path / "b.json", ["*.nothing"], "")] == ["b.json"]
