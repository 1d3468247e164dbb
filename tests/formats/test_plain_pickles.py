import io
import pickle
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.plain_pickles import as_text, load_plain

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
    max_leaves=12,
)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (Path(self.target),)


class Stateful:
    pass


def load(tmp_path, content):
    (tmp_path / "x.pickle").write_bytes(content)
    return load_plain(DataFile(tmp_path / "x.pickle"))


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
def test_plain_values_come_back(tmp_path_factory, value, protocol):
    if protocol == 2 and b"" in _texts(value):
        return  # Python 3 writes bytes for Python 2 as a call, which no file of Python 2 itself holds
    assert load(tmp_path_factory.mktemp("p"), pickle.dumps(value, protocol=protocol)) == value


def _texts(value):
    """An empty bytes object for every bytes object in a value."""
    if isinstance(value, bytes):
        return [b""]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [text for inner in value for text in _texts(inner)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_called_in_any_protocol(tmp_path, protocol):
    target = tmp_path / "was-here"
    with pytest.raises(BrokenSourceError, match="not a plain pickle: it refers to"):
        load(tmp_path, pickle.dumps({1: Evil(target)}, protocol=protocol))
    assert not target.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch was-here'\ntR.",
        b"(S'touch was-here'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch was-here'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0etouch was-here\x85R.",
        b"\x80\x02cbuiltins\neval\nX\x0c\x00\x00\x00open('x','w')\x85R.",
        b"\x80\x02cbuiltins\nobject\n)\x81.",
        b"Panything outside\n.",
        b"\x80\x02X\x01\x00\x00\x00aQ.",
    ],
    ids=["GLOBAL", "INST", "OBJ", "STACK_GLOBAL", "eval", "NEWOBJ", "PERSID", "BINPERSID"],
)
def test_every_opcode_that_asks_for_something_outside_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BrokenSourceError, match="not a plain pickle: it refers to"):
        load(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pickle"]


@pytest.mark.parametrize("opcode", [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"])
def test_registered_extensions_are_refused(tmp_path, opcode):
    import copyreg

    copyreg.add_extension(Stateful.__module__, "Stateful", 1)
    try:
        with pytest.raises(BrokenSourceError, match="not a plain pickle"):
            load(tmp_path, b"\x80\x02" + opcode + b".")
    finally:
        copyreg.remove_extension(Stateful.__module__, "Stateful", 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"not a pickle",
        pickle.dumps({1: "a" * 99})[:-5],
        b"\x80\x02]q\x00}(K\x01K\x02ub.",
        b"\x80\x63.",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
        b"(" * 1000 + b".",
        b"I12x\n.",
        b"\x80\x02h\x05.",
    ],
)
def test_a_broken_stream_is_a_broken_source(tmp_path, content):
    with pytest.raises(BrokenSourceError, match=r"truncated or malformed|not a plain pickle") as error:
        load(tmp_path, content)
    assert "x.pickle" in error.value.message


@pytest.mark.parametrize("content", [b"\x80\x02Nr\xff\xff\xff\x7f.", b"\x80\x02]r\x00\x00j>h\x00."])
def test_storing_at_a_high_number_takes_no_memory(tmp_path, content):
    tracemalloc.start()
    with suppress(BrokenSourceError):
        load(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_stream_of_bytes_does_anything_else(tmp_path_factory, noise, place):
    stream = io.BytesIO()
    pickle.dump({(1, 2): "code", 3: ["x"]}, stream, protocol=2)
    content = stream.getvalue()
    mixed = content[: place % len(content)] + noise + content[place % len(content) :]
    with suppress(BrokenSourceError):
        load(tmp_path_factory.mktemp("p"), mixed)


@pytest.mark.parametrize(
    ("value", "text"),
    [("é", "é"), ("é".encode(), "é"), ("é".encode("latin-1"), "é"), (b"", ""), (3, None), (None, None)],
)
def test_texts_of_python_2_are_utf_8_or_latin_1(value, text):
    assert as_text(value) == text
