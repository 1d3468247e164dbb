import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.formats.json_stream import BrokenJsonError, array_values, values_in_a_row

CHARACTERS = st.characters()  # lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(CHARACTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=3), inner, max_size=3),
    max_leaves=8,
)
INDENTS, CHUNKS = st.sampled_from([None, 0, 2]), st.integers(1, 9)


def written(value, indent=None):
    return json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")


def values_of(content, **options):
    return list(array_values(io.BytesIO(content).read, **options))


@given(st.lists(VALUES, max_size=6), INDENTS, st.booleans(), CHUNKS)
def test_an_array_is_read_as_the_library_reads_it_whatever_the_chunks(values, indent, mark, chunk):
    content = (b"\xef\xbb\xbf" if mark else b"") + written(values, indent) + b"\n"
    assert values_of(content, chunk_bytes=chunk) == values


@given(st.lists(VALUES, max_size=6), INDENTS, st.sampled_from(["\n", "\n\n", " \r\n "]), CHUNKS)
def test_values_in_a_row_come_with_the_lines_at_which_they_begin(values, indent, between, chunk):
    texts = [written(value, indent) + between.encode() for value in values]
    content = between.encode() + b"".join(texts)
    found = list(values_in_a_row(io.BytesIO(content).read, chunk_bytes=chunk))
    assert [value for _, value in found] == values
    first = 1 + between.count("\n")
    assert [line for line, _ in found] == [first + b"".join(texts[:n]).count(b"\n") for n in range(len(texts))]


@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        (b"", "does not begin with a bracket", 1),
        (b"{}", "does not begin with a bracket", 1),
        (b"[", "it ends within a value", 1),
        (b"[1", "the array is not closed", 1),
        (b"[1,\n", "it ends within a value", 2),
        (b"[1,]", "Expecting value", 1),
        (b"[1 2]", "'2' follows a value", 1),
        (b"\n[1\n}", "'}' follows a value", 3),
        (b'[{"a": 1}, {"b"', "it ends within a value", 1),
        (b'[{"a":\n1}, {"b', "it ends within a value", 2),
        (b"[1]\n2", "there is more after the array", 2),
        (b"[,1]", "Expecting value", 1),
        (b"[nul]", "Expecting value", 1),
        (b"[" * 100_000, "nested too deeply", 1),
        (b"[" + b"9" * 5000 + b"]", "4300", 1),
    ],
)
def test_what_is_no_whole_array_is_an_error_with_its_line(content, reason, line, chunk):
    if chunk < 4 and len(content) > 1000:
        pytest.skip("a value is decoded anew for each chunk")
    with pytest.raises(BrokenJsonError) as error:
        values_of(content, chunk_bytes=chunk)
    assert reason in error.value.reason
    assert error.value.line == line


@pytest.mark.parametrize("content", [b'["\xff"]', b'["a', b'["\xed\xa0"]', b'["\xe4\xb8"]'])
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_wrong_encoding_is_an_error(content, chunk):
    with pytest.raises((UnicodeDecodeError, BrokenJsonError)) as error:
        values_of(content, chunk_bytes=chunk)
    assert isinstance(error.value, UnicodeDecodeError) == (content != b'["a')


class Counting:
    def __init__(self, content):
        self._file, self.given = io.BytesIO(content), 0

    def read(self, size):
        data = self._file.read(size)
        self.given += len(data)
        return data


def test_little_is_held_of_a_long_array():
    text = Counting(b"[" + b",".join(b'{"a": "%d"}' % n for n in range(200_000)) + b"]")
    for n, value in enumerate(array_values(text.read)):
        assert value["a"] == str(n)
        if n == 10:
            assert text.given <= 4 << 20
    assert n == 199_999


def test_a_broken_value_is_told_without_the_rest_of_the_file():
    text = Counting(b'[{"a": 1}, {"a" 2}, ' + b'{"a": 1},\n' * 1_000_000)
    with pytest.raises(BrokenJsonError, match="Expecting ':' delimiter"):
        list(array_values(text.read))
    assert text.given <= 2 << 20


def test_values_longer_than_a_chunk_are_read_in_linear_time():
    long = "x" * (40 << 20)
    assert values_of(written([long, 1])) == [long, 1]
