"""What the pieces of a file give is together what the whole file gives."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.sources import SOURCES
from coma_cli.formats.data_file import Piece, Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import Extent, read_table
from tests.catalog.sources.forms import put, put_parquet
from tests.requirements import shared_data


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 9))
def test_held_runs_are_the_held_entries(start, length, of):
    end = start + length
    for number in range(of):
        piece = Piece(number, of)
        runs = [entry for first, last in piece.held(start, end) for entry in range(first, last)]
        assert runs == [entry for entry in range(start, end) if piece.holds(entry)]


def pieces_of(source, shard, count):
    return [list(source.read(replace(shard, piece=Piece(number, count)))) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("codexglue_clone_detection", "dataset/test.txt"),
        ("codexglue_clone_detection", "dataset/train.txt"),
        ("codexglue_defect_detection", "dataset/test.jsonl"),
        ("codexglue_defect_detection", "dataset/valid.txt"),
        ("codealpaca", "new_codealpaca.json"),
    ],
)
def test_the_slices_in_pieces(name, file):
    source = SOURCES[name]
    shard = next(s for s in source.find(shared_data() / source.folder) if s.name == file)
    whole, pieces = list(source.read(shard)), pieces_of(source, shard, 3)
    assert source.reads_pieces and all(len(piece) < len(whole) for piece in pieces)
    assert Counter(map(repr, whole)) == Counter(repr(entry) for piece in pieces for entry in piece)


def test_pairs_that_come_again_in_another_piece_are_known(tmp_path):
    source = SOURCES["codexglue_clone_detection"]
    put(tmp_path / "data.jsonl", [{"func": f"int f{n}() {{ return {n}; }}", "idx": str(n)} for n in range(1200)] + [{}])
    lines = [f"{n} {n + 1} 1" for n in range(1100)] + ["3 4 1", "4 3 0", "5 9999 1", "5 9999 0", "7 8 2", "x"]
    put(tmp_path / "test.txt", "\n".join(lines))
    (shard,) = source.find(tmp_path)
    whole, pieces = list(source.read(shard)), pieces_of(source, shard, 2)
    assert Counter(map(repr, whole)) == Counter(repr(entry) for piece in pieces for entry in piece)
    reasons = Counter(entry.reason for entry in whole if isinstance(entry, Rejected))
    assert reasons == {"duplicate-id": 2, "missing-function": 2, "missing-column": 1, "broken-row": 2}


@pytest.mark.parametrize("extent", [None, Extent(columns=("text", "n"), rows_at_once=700)])
def test_parquet_is_read_by_pieces_and_ids_count_over_all_of_them(tmp_path, extent):
    ids = [*range(1500), 3, 3, None, None, 1499]
    rows = [{"n": number, "id": number, "text": f"row {place}"} for place, number in enumerate(ids)]
    types = {"n": "int32", "id": "int32", "text": "string"}
    shard = Shard(put_parquet(tmp_path / "rows.parquet", rows, types), "rows.parquet", "MIT")
    if extent is not None:
        extent = replace(extent, columns=(*extent.columns, "id"))

    def read(piece):
        return list(read_table(replace(shard, piece=piece), ("text", "key"), {"id": "key"}, "key", extent))

    whole, pieces = read(Piece()), [read(Piece(number, 2)) for number in range(2)]
    assert [entry.origin.row for entry in whole if isinstance(entry, Rejected)] == ["1501", "1502", "1505"]
    assert sorted(map(repr, whole)) == sorted(repr(entry) for piece in pieces for entry in piece)
    assert [len(piece) for piece in pieces] == [1024 - 31, 512]


def test_a_parquet_file_without_the_column_of_ids_has_no_repeats(tmp_path):
    path = put_parquet(tmp_path / "rows.parquet", [{"text": "a"}, {"text": "a"}], {"text": "string"})
    found = list(read_table(Shard(path, "rows.parquet", "MIT"), ("text",), unique="key"))
    assert found == [(1, {"text": "a"}), (2, {"text": "a"})]
