import json
import random

import pytest

from coma_cli.publishing import private_marks as module
from coma_cli.publishing.private_marks import PrivateMark, find_private, private_marks

KEY = "sk-" + "x1" * 20


@pytest.fixture
def ada(monkeypatch, tmp_path):
    """A user of this name, at home in a folder of the same name."""
    home = tmp_path / "home" / "ada"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(module.getpass, "getuser", lambda: "ada")
    monkeypatch.chdir(home)
    return home


def found_in(path, marks):
    return [(hit.line, hit.mark.what) for hit in find_private({"x": path}, marks)]


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_paths_names_and_keys_of_this_machine_are_found(ada, tmp_path):
    marks = private_marks(
        [str(tmp_path / "data"), "relative"], {"OPENAI_API_KEY": KEY, "HF_TOKEN": "short", "PATH": KEY}
    )
    file = tmp_path / "file"
    for text, what in (
        (f"a\nb {ada}/x.py", "a path of this machine"),
        (f"a\nb {tmp_path}/data/codealpaca", "a path of this machine"),
        ("a\nin /Users/ada/code", "the user's name in a path"),
        (r"a" + "\n" + r"C:\Users\ada\code", "the user's name in a path"),
        ("a\n" + json.dumps({"x": r"C:\Users\ada\code"}), "the user's name in a path"),
        (f"a\nkey = {KEY}", "a key"),
    ):
        found = found_in(write(file, text), marks)
        assert (2, what) in found and {line for line, _ in found} == {2}, text


def test_what_only_looks_like_it_is_not(ada, tmp_path):
    marks = private_marks(["/usr/lib/python3", "/data", "/data/train"], {"OPENAI_API_KEY": "none"})
    text = "/Users/adam /home/ada-lovelace ada /usr/lib/python3/x.py /data/train/x none /home/adapt"
    assert found_in(write(tmp_path / "file", text), marks) == []


def test_common_names_and_short_paths_are_in_code_of_anybody(monkeypatch, tmp_path):
    for user, home in (("root", "/root"), ("ubuntu", "/home/ubuntu"), ("dev", "/Users/dev")):
        monkeypatch.setattr(module.getpass, "getuser", lambda user=user: user)
        monkeypatch.setenv("HOME", home)
        monkeypatch.chdir("/")
        assert private_marks([], {}) == []
        assert [mark.text for mark in private_marks([f"{home}/thesis/code"], {})] == [f"{home}/thesis/code"]


def test_a_user_without_a_name_has_none(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(module.getpass, "getuser", nobody)
    assert [mark for mark in private_marks([], {}) if "name" in mark.what] == []


def test_a_path_within_another_is_not_listed_twice(ada):
    paths = [mark.text for mark in private_marks([ada / "work", ada / "work" / "a"], {}) if "path of" in mark.what]
    assert paths == [str(ada)]


def test_texts_are_found_wherever_the_blocks_of_reading_end(monkeypatch, tmp_path):
    """A text is found once, with its line, for any size of a block and any place of the text."""
    mark = PrivateMark("a path of this machine", "/home/ada/données", "")
    draw = random.Random(3)
    for size in (1, 2, 7, 16, 19, 64):
        monkeypatch.setattr(module, "BLOCK_BYTES", size)
        for _ in range(20):
            before = "".join(draw.choice("ab/\n") for _ in range(draw.randrange(60)))
            after = draw.choice(["", "\n", "/x", " and more\n" * 4])
            spelled = draw.choice([mark.text, json.dumps(mark.text)[1:-1]])
            file = write(tmp_path / "file", before + spelled + after)
            assert found_in(file, [mark]) == [(before.count("\n") + 1, mark.what)], (size, before, after)
            assert found_in(write(tmp_path / "file", before + spelled + "x" + after), [mark]) == []


def test_bytes_that_are_no_text_are_read_too(ada, tmp_path):
    file = write(tmp_path / "weights", bytes(range(256)) * 40 + f"{ada}/base".encode() + b"\xff\x00")
    assert "a path of this machine" in [what for _, what in found_in(file, private_marks([], {}))]
