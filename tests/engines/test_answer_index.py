"""The index beside the journal of answers: found again, for this journal only, and never believed blindly."""

import os

import pytest

from coma_cli.engines.answer_index import NOTHING_INDEXED, read_index


@pytest.fixture
def journal(tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_bytes(b"x" * 10_000)
    descriptor = os.open(file, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


KEYS = {f"{n * 7919 % 1000:016x}" + "0" * 48: (10 * n, 10) for n in range(1000)}


def test_what_was_written_is_found_in_the_journals_order(tmp_path, journal):
    index = NOTHING_INDEXED.extended(KEYS, 9_000, 900)
    index = index.extended({next(iter(KEYS)): (9_000, 7)}, 9_500, 901)
    index.write(tmp_path / "index", journal, 1)
    found = read_index(tmp_path / "index", journal, 1)
    assert (found.covered, found.lines, len(found)) == (9_500, 901, 1001)
    assert found.places(next(iter(KEYS))) == [(0, 10), (9_000, 7)]
    assert all(found.places(key)[0] == place for key, place in KEYS.items())
    assert found.places("f" * 64) == []


def changed(file, start, data):
    with file.open("r+b") as handle:
        handle.seek(start)
        handle.write(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda index, journal: index.unlink(),
        lambda index, journal: index.write_bytes(index.read_bytes()[:50]),
        lambda index, journal: index.write_bytes(index.read_bytes()[:-1]),
        lambda index, journal: changed(index, 200, b"?"),
        lambda index, journal: changed(journal, 8_990, b"?"),
        lambda index, journal: os.truncate(journal, 8_999),
    ],
    ids=["absent", "no header", "torn", "flipped", "other journal", "shorter journal"],
)
def test_an_index_that_does_not_fit_is_not_used(tmp_path, journal, change):
    NOTHING_INDEXED.extended(KEYS, 9_000, 900).write(tmp_path / "index", journal, 1)
    assert len(read_index(tmp_path / "index", journal, 1)) == 1000
    assert len(read_index(tmp_path / "index", journal, 2)) == 0, "rows of another schema"
    change(tmp_path / "index", tmp_path / "answers.jsonl")
    assert len(read_index(tmp_path / "index", journal, 1)) == 0


def test_a_journal_that_was_replaced_is_another_one(tmp_path, journal):
    NOTHING_INDEXED.extended(KEYS, 9_000, 900).write(tmp_path / "index", journal, 1)
    (tmp_path / "copy").write_bytes(b"x" * 10_000)
    other = os.open(tmp_path / "copy", os.O_RDWR)
    assert len(read_index(tmp_path / "index", other, 1)) == 0
    os.close(other)


def test_keys_that_differ_in_their_last_bit_are_told_apart(tmp_path, journal):
    close = {f"{(1 << 63) + n:016x}" + "0" * 48: (10 * n, 10) for n in range(50)}
    NOTHING_INDEXED.extended(close, 9_000, 900).write(tmp_path / "index", journal, 1)
    found = read_index(tmp_path / "index", journal, 1)
    assert [found.places(key) for key in close] == [[place] for place in close.values()]
