import gzip
import io
import json
import zipfile
import zlib
from dataclasses import replace

import pytest

from coma_cli.formats.data_file import BrokenSourceError, DataFile, Piece, Shard
from coma_cli.formats.files import glob_pattern, lines_of, list_files, matching_files, unpacked
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below
from tests.requirements import package

TEXT = b"one\x0bstill one\x85\ntwo\n"


def make_zip(path, members, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def names(listed):
    return [(entry.name, entry.inner) for entry in listed]


def test_an_archive_is_read_as_the_folder_that_it_would_unpack_into(tmp_path):
    make_zip(tmp_path / "sub" / "data.zip", {"m/": "", "m/a.txt": TEXT, "../../out.txt": TEXT, "__MACOSX/a.txt": ""})
    (tmp_path / "sub" / "b.txt").write_bytes(TEXT)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.txt").write_bytes(TEXT)
    assert names(list_files(tmp_path)) == [
        ("sub/b.txt", "sub/b.txt"),
        ("sub/data.zip/m/a.txt", "sub/m/a.txt"),
    ]
    found = matching_files(tmp_path, [r"(?P<folder>\w+)/a\.txt"])
    assert [(e.name, e.groups) for e in found] == [("sub/data.zip/m/a.txt", {"folder": "m"})]
    assert list(lines_of(found[0].file)) == [b"one\x0bstill one\x85\n", b"two\n"]
    assert names(list_files(tmp_path / "sub" / "data.zip")) == [("data.zip/m/a.txt", "m/a.txt")]
    assert not (tmp_path / "m").exists()


def test_members_whose_names_climb_out_are_never_written(tmp_path):
    path = make_zip(tmp_path / "in" / "data.zip", {"../x/evil.txt": TEXT, "/abs.txt": TEXT})
    for entry in list_files(path):
        assert list(lines_of(entry.file))[1] == b"two\n"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["data.zip", "in"]


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip", "gzip in zip"])
def test_packing_is_told_by_content(tmp_path, packing):
    content = gzip.compress(TEXT) if "gzip" in packing else TEXT
    path = tmp_path / "rows.dat"
    if "zip" in packing.split():
        file = DataFile(make_zip(tmp_path / "rows.zip", {"rows.dat": content}), "rows.dat")
    else:
        path.write_bytes(content)
        file = DataFile(path)
    with unpacked(file) as handle:
        assert handle.read() == TEXT
    assert file.unpacked_size == (len(content) if packing == "gzip in zip" else len(TEXT))


def test_a_plain_file_may_stand_for_its_folder(tmp_path):
    for name in ("train.a", "train.b", ".train.b"):
        (tmp_path / name).write_text("x")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "train.a").write_text("x")
    assert names(matching_files(tmp_path / "train.a", [r"train\.\w"])) == [("train.a", "train.a")]
    assert [e.name for e in matching_files(tmp_path / "train.a", [r"train\.\w"], beside=True)] == ["train.a", "train.b"]


def test_the_place_of_a_plain_file_tells_its_groups_but_is_no_part_of_its_name(tmp_path):
    path = tmp_path / "python" / "rows.json"
    path.parent.mkdir()
    path.write_text("[]")
    (found,) = matching_files(path, [r"(?P<language>python)/rows\.json"])
    assert (found.name, found.groups) == ("rows.json", {"language": "python"})


def broken_files(tmp_path):
    whole = make_zip(tmp_path / "whole.zip", {"a.txt": bytes(range(256)) * 400}).read_bytes()
    yield "cut", whole[: len(whole) // 2]
    yield "no zip", b"PK\x03\x04 nothing"
    yield "empty", b""


def test_a_broken_archive_is_a_broken_source(tmp_path):
    for name, content in broken_files(tmp_path):
        path = tmp_path / name / "data.zip"
        path.parent.mkdir()
        path.write_bytes(content)
        for place in (path, path.parent):
            with pytest.raises(BrokenSourceError, match="broken zip"):
                list(list_files(place))


def test_a_member_with_wrong_bytes_is_a_broken_source(tmp_path):
    path = make_zip(tmp_path / "data.zip", {"a.txt": b"some words " * 50})
    whole = path.read_bytes()
    for place in (30, 38, 45, whole.index(b"PK\x01\x02") + 6):  # the local name, the content, the directory
        content = bytearray(whole)
        content[place] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(BrokenSourceError, match=r"broken zip|can't be unpacked"):
            [list(lines_of(entry.file)) for entry in list_files(path)]


def test_an_encrypted_member_is_a_broken_source(tmp_path):
    path = make_zip(tmp_path / "data.zip", {"a.txt": b"words"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(content)
    with pytest.raises(BrokenSourceError, match="can't be unpacked"):
        list(lines_of(DataFile(path, "a.txt")))


@pytest.mark.parametrize("packed", ["zip", "plain"])
def test_gzip_that_is_cut_short_is_a_broken_source(tmp_path, packed):
    content = gzip.compress(zlib.compress(bytes(range(256)) * 300))[:200]
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    file = DataFile(path) if packed == "plain" else DataFile(make_zip(tmp_path / "z.zip", {"r.gz": content}), "r.gz")
    with pytest.raises(BrokenSourceError, match="broken gzip"):
        list(lines_of(file))


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.json", "a.json", "b/a.json"),
        ("**/*.json", "b/c/a.json", "a.jsonl"),
        ("**/*.json", "a.json", "json"),
        ("data/a+b.*", "data/a+b.txt", "data/aab.txt"),
    ],
)
def test_globs(glob, yes, no):
    import re

    assert re.fullmatch(glob_pattern(glob), yes)
    assert not re.fullmatch(glob_pattern(glob), no)


ROWS = [{"key": 1, "text": "x"}, {"key": "1", "text": "y"}, {"key": None, "text": "z"}, {"key": None, "text": "z"}]


def test_tables_are_read_out_of_archives_in_every_form(tmp_path):
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{"text": "x"}]), buffer)
    members = {
        "a.json": json.dumps([{"text": "x"}]),
        "b.json": '{"text": "x"}\n',
        "c.json": gzip.compress(b'{"text": "x"}'),
        "d.json": buffer.getvalue(),
    }
    path = make_zip(tmp_path / "data.zip", members)
    shards = shards_below(path, ["*.json"], "MIT")
    assert [shard.name for shard in shards] == [f"data.zip/{letter}.json" for letter in "abcd"]
    assert [list(read_table(shard, ("text",))) for shard in shards] == [[(1, {"text": "x"})]] * 4


def test_ids_that_come_again_are_kept_aside_whatever_their_type(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS))
    found = list(read_table(Shard(path, "rows.json", "MIT", "test"), ("text",), unique="key"))
    assert [entry.reason if hasattr(entry, "reason") else entry[0] for entry in found] == [1, "duplicate-id", 3, 4]
    assert (found[1].detail, found[1].origin.row, found[1].origin.split) == ("key 1 is a duplicate", "2", "test")


def test_an_id_that_comes_again_in_another_piece_is_still_known(tmp_path):
    path = tmp_path / "rows.jsonl"
    count = 2 * Piece.STRETCH + 10
    path.write_text("".join(json.dumps({"key": n % (count - 5), "text": "x"}) + "\n" for n in range(count)))
    whole = Shard(path, "rows.jsonl", "MIT")
    pieces = [list(read_table(replace(whole, piece=Piece(n, 2)), ("text",), unique="key")) for n in range(2)]
    assert [len(entries) for entries in pieces] == [Piece.STRETCH + 10, Piece.STRETCH]
    assert sum(isinstance(entry, Rejected) for entries in pieces for entry in entries) == 5
    key = lambda entry: int(entry.origin.row) if isinstance(entry, Rejected) else entry[0]  # noqa: E731
    assert sorted([*pieces[0], *pieces[1]], key=key) == list(read_table(whole, ("text",), unique="key"))


def test_other_names_of_columns_are_translated_and_messages_name_those_found(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"whole": "a", "b": 1}, {"b": 2}]')
    found = list(read_table(Shard(path, "rows.json", "MIT"), ("text",), renamed={"whole": "text"}))
    assert found[0] == (1, {"text": "a", "b": 1})
    assert found[1].detail == "no text; it has b"
    with pytest.raises(BrokenSourceError, match="no row has the columns other; it has b, whole"):
        list(read_table(Shard(path, "rows.json", "MIT"), ("other",), renamed={"whole": "text"}))
