import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import (
    CorruptLine,
    canonical_json,
    encode_row,
    encode_with_span,
    numbered_rows,
    read_json,
    read_rows,
    repair_torn_tail,
    sha256_of,
    write_json,
    write_rows,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)
ROWS = st.lists(st.dictionaries(st.text(st.characters(), max_size=5), JSON, max_size=4), max_size=6)


@given(rows=ROWS)
def test_rows_come_back_as_written_whatever_text_they_hold(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, rows)
    assert list(read_rows(path)) == rows


def test_unicode_line_separators_do_not_split_a_row(tmp_path):
    row = {"text": "a\u2028b\u0085c\x0bd\r\ne"}
    write_rows(tmp_path / "r.jsonl", [row])
    assert list(read_rows(tmp_path / "r.jsonl")) == [row]


def test_text_stays_readable_and_lone_surrogates_are_escaped():
    assert "中文".encode() in encode_row({"text": "中文"})
    assert json.loads(encode_row({"text": "\ud800"})) == {"text": "\ud800"}


@given(row=st.dictionaries(st.text(st.characters(), max_size=5), JSON, min_size=1, max_size=6), data=st.data())
def test_a_span_holds_its_fields_whatever_the_row_holds(row, data):
    names = list(row)
    first = data.draw(st.integers(0, len(names) - 1))
    last = data.draw(st.integers(first, len(names) - 1))
    line, start, end = encode_with_span(row, names[first], names[last])
    assert line == encode_row(row)
    assert json.loads(b"{%b}" % line[start:end]) == {name: row[name] for name in names[first : last + 1]}


@pytest.mark.parametrize(("first", "last"), [("b", "a"), ("a", "c"), ("c", "a")])
def test_a_span_of_fields_that_are_not_there_in_this_order_is_a_bug(first, last):
    with pytest.raises(ValueError, match=r"comes after|not in list"):
        encode_with_span({"a": 1, "b": 2}, first, last)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_number_of_json_has_no_canonical_spelling(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


@given(value=JSON)
def test_canonical_spelling_does_not_depend_on_key_order(value):
    assert json.loads(canonical_json(value)) == json.loads(json.dumps(value))
    if isinstance(value, dict):
        assert sha256_of(value) == sha256_of(dict(reversed(value.items())))


@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=3), min_size=1, max_size=5),
    data=st.data(),
)
def test_a_file_cut_at_any_byte_keeps_exactly_its_whole_lines(rows, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    whole = b"".join(map(encode_row, rows))
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    removed = repair_torn_tail(path)
    kept = path.read_bytes()
    assert kept == whole[: whole[:cut].rfind(b"\n") + 1]
    assert removed == cut - len(kept)
    assert list(read_rows(path)) == rows[: kept.count(b"\n")]


def test_torn_tail_longer_than_a_block_is_found(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\n' + b"x" * 300_000)
    assert repair_torn_tail(path) == 300_000
    assert repair_torn_tail(path) == 0
    assert repair_torn_tail(tmp_path / "absent") == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not valid JSON"),
        (b"[1]", "JSON list where an object"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_corrupt_line_is_named_with_file_and_line_and_reading_goes_on(tmp_path, line, reason):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 0}\n\n' + line + b'\n{"a": 2}\n')
    corrupt: list[CorruptLine] = []
    assert [n for n, _ in numbered_rows(path, corrupt.append)] == [1, 4]
    assert corrupt[0].line == 3
    assert f"{path}:3: " in str(corrupt[0])
    assert reason in corrupt[0].reason
    with pytest.raises(MissingInputError, match=r"rows\.jsonl:3"):
        list(read_rows(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_rows_in_utf_16_are_named_as_such_and_not_guessed_at(tmp_path, encoding):
    path, corrupt = tmp_path / "rows.jsonl", []
    path.write_bytes('{"a": "é"}\n{"a": 2}\n'.encode(encoding))
    assert list(read_rows(path, corrupt.append)) == []
    assert "this is UTF-16; iconv -f UTF-16 -t UTF-8" in corrupt[0].reason


def test_a_byte_order_mark_is_let_in_and_latin_1_is_not(tmp_path):
    path, corrupt = tmp_path / "rows.jsonl", []
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n{"a": "\xe9"}\n')
    assert list(read_rows(path, corrupt.append)) == [{"a": 1}]
    assert "not UTF-8 text" in corrupt[0].reason


def test_writing_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"a": 1}])

    def rows():
        yield {"a": 2}
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        write_rows(path, rows())
    assert list(read_rows(path)) == [{"a": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_documents_are_read_back_and_broken_ones_named(tmp_path):
    write_json(tmp_path / "d.json", {"a": "ü"})
    assert read_json(tmp_path / "d.json") == {"a": "ü"}
    (tmp_path / "d.json").write_text("{")
    with pytest.raises(MissingInputError, match="not valid JSON"):
        read_json(tmp_path / "d.json")
    with pytest.raises(MissingInputError, match="no file"):
        read_json(Path(tmp_path / "absent.json"))
    (tmp_path / "d.json").write_text("[" * 100_000)
    with pytest.raises(MissingInputError, match="not valid JSON"):
        read_json(tmp_path / "d.json")
    with pytest.raises(MissingInputError, match="is a folder"):
        read_json(tmp_path)
