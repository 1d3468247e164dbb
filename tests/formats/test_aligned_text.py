import gzip
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.formats.aligned_text import find_pairs, read_pairs
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.formats.rejected import Rejected

PATTERN = r"(?P<split>train|valid|test)\.(?P<side>left|right)(?:\.gz)?"


def put(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


def found_in(place):
    return find_pairs(place, PATTERN, ("left", "right"), "MIT")


def test_halves_of_one_folder_and_split_belong_together(tmp_path):
    put(tmp_path / "small", valid_left="a\n", valid_right="b\n", test_left="c\n", test_right="d\n")
    put(tmp_path / "medium", valid_right="e\n")
    shards = found_in(tmp_path)
    assert [(s.name, s.split, [c.path.name for c in s.companions]) for s in shards] == [
        ("medium/valid.right", "validation", []),
        ("small/test.left", "test", ["test.right"]),
        ("small/valid.left", "validation", ["valid.right"]),
    ]
    assert list(read_pairs(shards[2])) == [(1, "a", "b")]
    with pytest.raises(BrokenSourceError, match="has no counterpart"):
        list(read_pairs(shards[0]))


def test_one_half_given_as_a_file_finds_the_other(tmp_path):
    put(tmp_path, train_left="a\n", train_right="b\n", test_left="c\n")
    for half in ("train.left", "train.right"):
        (shard,) = found_in(tmp_path / half)
        assert (shard.name, list(read_pairs(shard))) == ("train.left", [(1, "a", "b")])


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_packed_halves(tmp_path, packing):
    if packing == "gzip":
        put(tmp_path, train_left_gz=gzip.compress(b"a\n"), train_right="b\n")
    else:
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            archive.writestr("m/train.left", "a\n")
            archive.writestr("m/train.right", "b\n")
    (shard,) = found_in(tmp_path)
    assert list(read_pairs(shard)) == [(1, "a", "b")]


def test_lines_end_at_newlines_and_at_nothing_else(tmp_path):
    odd = "a\x0b\x0c\x1c\x85\u2028\rb"
    put(tmp_path, train_left=f"{odd}\nlast", train_right="x \r\ny\n")
    (shard,) = found_in(tmp_path)
    assert list(read_pairs(shard)) == [(1, odd, "x"), (2, "last", "y")]


def test_unequal_counts_are_a_broken_source_that_says_both(tmp_path):
    put(tmp_path, train_left="a\nb\n", train_right="x\n", test_left="", test_right="")
    empty, unequal = found_in(tmp_path)
    with pytest.raises(BrokenSourceError, match=r"train.left has 2 lines, .*train.right has 1"):
        list(read_pairs(unequal))
    with pytest.raises(BrokenSourceError, match="holds no rows"):
        list(read_pairs(empty))


def test_broken_lines_are_kept_aside_with_their_number(tmp_path):
    put(tmp_path, valid_left=b"a\n\xff\n \nd\n", valid_right="w\nx\ny\nz\n")
    (shard,) = found_in(tmp_path)
    found = list(read_pairs(shard))
    assert [e for e in found if not isinstance(e, Rejected)] == [(1, "a", "w"), (4, "d", "z")]
    aside = [(e.reason, e.origin.row, e.origin.split) for e in found if isinstance(e, Rejected)]
    assert aside == [("undecodable", "2", "validation"), ("broken-row", "3", "validation")]


line = st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.tuples(line, line), min_size=1, max_size=20))
def test_every_line_is_accounted_for_in_its_place(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("pairs")
    put(
        folder,
        train_left="\n".join(one for one, _ in pairs) + "\n",
        train_right="\n".join(two for _, two in pairs) + "\n",
    )
    found = list(read_pairs(found_in(folder)[0]))
    assert len(found) == len(pairs)
    for entry, (one, two) in zip(found, pairs, strict=True):
        if not isinstance(entry, Rejected):
            assert entry[1:] == (one.strip(" \t\r"), two.strip(" \t\r"))
