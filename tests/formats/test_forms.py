import gzip

import pytest

from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.files import one_file
from coma_cli.formats.forms import Layout, form_of
from tests.formats.written import FORMS

ROWS = [{"id": str(n), "text": f'row {n}, "ü"\n中', "empty": ""} for n in range(3)]


def form(tmp_path, content, name="rows"):
    path = tmp_path / name
    path.write_bytes(content)
    return form_of(one_file(path))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.parquet", "rows.csv", "rows.gz", "rows"])
@pytest.mark.parametrize("written", FORMS)
def test_the_content_tells_the_form_and_the_name_does_not(tmp_path, written, name):
    write, said = FORMS[written]
    assert str(form(tmp_path, write(ROWS), name)) == said


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (b"", Layout.LINES),
        (b" \n\n", Layout.LINES),
        (b"\xef\xbb\xbf", Layout.LINES),
        (b'{"a": 1}', Layout.LINES),
        (b'{"a": 1', Layout.LINES),  # torn
        (b'{"a": \n{"a": 2}\n', Layout.LINES),  # torn, and others behind it
        (b"{\n" * 9 + b'{"a": 1}\n', Layout.LINES),
        (b'{"a": 1} {"a": 2}\n', Layout.LINES),
        (b'{"a": 1}, \n{"a": 2}\n', Layout.LINES),
        (b'{"a": "\xff"}\n', Layout.LINES),
        (b'{"a":\n"\xff"}\n', Layout.LINES),
        (b'{"data": []}', Layout.LINES),
        (b'{"data": [1]}', Layout.LINES),
        (b'{"messages": [{"role": "user"}]}', Layout.LINES),
        (b'{"data": [{}]}\n{"data": [{}]}', Layout.LINES),
        (b'{"data":\n[{}]}\n{"data": [{}]}', Layout.OBJECTS),
        (b'{"data": [{}], "version": 1}', Layout.LINES),
        (b'"a string"\n', Layout.LINES),
        (b"null\n", Layout.LINES),
        (b"1,2\n3,4\n", Layout.LINES),
        (b"Not found\n", Layout.LINES),
        (b"Sorry, there is nothing here\n", Layout.LINES),
        (b"<html>,<body>\n", Layout.LINES),
        (b"a,a\n1,2\n", Layout.LINES),
        (b'"a", "b"}\n{"a": 1}\n', Layout.LINES),
        (b",text\n0,x\n", Layout.LINES),
        (b",text,code\n0,x,y\n", Layout.CSV),
        (b'"text","code"\r\nx,y\r\n', Layout.CSV),
        (b"task id\tprompt (en)\n", Layout.TSV),
        (b"PAR1", Layout.PARQUET),
        (bytes(range(256)), Layout.LINES),
    ],
)
def test_what_could_be_taken_for_something_else(tmp_path, content, layout):
    assert form(tmp_path, content).layout is layout


def test_a_column_alone_is_csv_if_the_file_says_so(tmp_path):
    content = b"text\nfirst\nsecond\n"
    assert form(tmp_path, content, "rows.csv").layout is Layout.CSV
    assert form(tmp_path, gzip.compress(content), "rows.CSV.gz").layout is Layout.CSV
    assert form(tmp_path, content, "rows.txt").layout is Layout.LINES
    assert form(tmp_path, b'{"text": "first"}\n', "rows.csv").layout is Layout.LINES


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ['{"a": "é"}\n', '[\n{"a": 1}]', "\n\n[]", "prompt,code\n"])
def test_other_encodings_of_unicode_are_named(tmp_path, text, encoding, pack):
    with pytest.raises(BrokenSourceError) as error:
        form(tmp_path, pack(text.encode(encoding)))
    name = encoding[:6].upper()
    assert f"rows is {name}; only UTF-8 is read" in error.value.message
    assert f"iconv -f {name} -t UTF-8" in error.value.hint


def test_only_json_lines_need_no_word(tmp_path):
    plain = {written for written, (write, _) in FORMS.items() if form(tmp_path, write(ROWS)).is_plain}
    assert plain == {written for written, (_, said) in FORMS.items() if said == "JSON lines"}


def test_a_long_first_line_is_told_in_linear_time(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "' + b"x" * (40 << 20) + b'"}\n{"a": ""}\n')
    assert form_of(DataFile(path)).is_plain
