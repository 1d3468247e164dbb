import hashlib
import os

import pytest

from coma_cli.hashing import hash_file, hash_tree


def test_a_file_has_the_hash_of_its_bytes_and_another_one_once_it_changes(tmp_path):
    path = tmp_path / "a"
    for content in (b"", b"x" * 3_000_000, b"y"):
        path.write_bytes(content)
        assert hash_file(path) == hash_file(path) == hashlib.sha256(content).hexdigest()


def test_a_change_of_the_same_length_is_noticed_by_its_time(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    before = hash_file(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert hash_file(path) != before


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "absent")


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "sub" / "b").write_text("2")
    return folder


def test_a_folder_is_its_files_and_their_names(tree, tmp_path):
    before = hash_tree(tree)
    copy = tmp_path / "elsewhere"
    tree.rename(copy)
    assert hash_tree(copy) == before
    (copy / "empty").mkdir()
    assert hash_tree(copy) == before
    (copy / "sub" / "b").rename(copy / "sub" / "c")
    renamed = hash_tree(copy)
    (copy / "sub" / "c").rename(copy / "b")
    moved = hash_tree(copy)
    (copy / "b").write_text("3")
    assert len({before, renamed, moved, hash_tree(copy)}) == 4


def test_linked_files_count_by_their_content_and_linked_folders_do_not(tree, tmp_path):
    before = hash_tree(tree)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("3")
    (tree / "linked").symlink_to(tmp_path / "outside")
    (tree / "gone").symlink_to(tmp_path / "nowhere")
    assert hash_tree(tree) == before
    (tree / "file").symlink_to(tmp_path / "outside" / "file")
    linked = hash_tree(tree)
    (tree / "file").unlink()
    (tree / "file").write_text("3")
    assert hash_tree(tree) == linked != before


def test_an_empty_folder_has_a_hash_too(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    assert hash_tree(tmp_path / "empty") != hash_tree(tree)
