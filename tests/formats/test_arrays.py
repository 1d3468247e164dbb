import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.formats import arrays
from coma_cli.formats.arrays import array_values

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def values_of(content):
    return list(array_values(io.BytesIO(content).read))


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 2]), st.booleans(), st.integers(1, 9))
def test_an_array_is_read_as_the_library_reads_it_whatever_the_chunks(values, indent, mark, chunk):
    content = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return
    whole = arrays.CHUNK_BYTES
    arrays.CHUNK_BYTES = chunk
    try:
        assert values_of((b"\xef\xbb\xbf" if mark else b"") + content + b"\n") == values
    finally:
        arrays.CHUNK_BYTES = whole


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[", b"[1", b"[1,", b"[1,]", b"[1 2]", b"[1}", b'[{"a": 1}, {"b"', b"[1] 2", b"[,1]", b"[nul]"],
)
def test_what_is_no_whole_array_is_an_error(content):
    with pytest.raises(ValueError, match=r"\S"):
        values_of(content)


def test_wrong_encoding_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        values_of(b'["\xff"]')


def test_little_is_held_of_a_long_array():
    text = _Counting(b"[" + b",".join(b'{"a": "%d"}' % n for n in range(200_000)) + b"]")
    for n, value in enumerate(array_values(text.read)):
        assert value["a"] == str(n)
        if n == 10:
            assert text.given <= 4 << 20
    assert n == 199_999


class _Counting:
    def __init__(self, content):
        self._file, self.given = io.BytesIO(content), 0

    def read(self, size):
        data = self._file.read(size)
        self.given += len(data)
        return data
