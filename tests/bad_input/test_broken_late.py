"""A file that is broken beyond its first rows stops the command before anything is built."""

import gzip
import json
import zipfile
import zlib

import pytest

from coma_cli.dataset.parts import SUFFIX
from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.forms import require_whole
from tests.catalog.sources.forms import put
from tests.dataset.builds import build

ADDED = "def f(x): return x + "
ROWS = [{"instruction": f"Add {n} to a number.", "input": "", "output": f"{ADDED}{n}"} for n in range(400)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
ARRAY = json.dumps(ROWS, indent=2).encode()
PACKED = gzip.compress(LINES, 1)
BROKEN = {
    "code_alpaca.json": ARRAY[:-1],
    "code_alpaca_20k.json": ARRAY[: len(ARRAY) - 40],
    "code_alpaca.jsonl.gz": PACKED[:-9],
    "code_alpaca_20k.jsonl.gz": PACKED[:-8] + b"\0" * 8,
    "code_alpaca.json.gz": gzip.compress(ARRAY[:-2]),
}


def zipped_with_wrong_bytes(path):
    """The sum of checks in the archive is of other bytes than those that it holds."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("code_alpaca.jsonl", LINES)
    wrong = zlib.crc32(LINES).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(wrong, b"\1\2\3\4"))
    return path


@pytest.mark.parametrize("name", BROKEN)
def test_it_stops_the_command_before_anything_is_built(tmp_path, name):
    path = put(tmp_path / "sources" / "codealpaca" / name, BROKEN[name])
    with pytest.raises(BrokenSourceError, match=r"broken gzip file|not a whole JSON array") as error:
        build(tmp_path / "w", source={"codealpaca": str(path)})
    assert name in error.value.message and "--skip-broken-sources" in error.value.hint
    assert not list((tmp_path / "w").rglob(f"*{SUFFIX}"))
    assert not list((tmp_path / "w").glob("build-data/*/"))


def test_members_of_an_archive_are_read_to_their_ends(tmp_path):
    path = zipped_with_wrong_bytes(tmp_path / "alpaca.zip")
    with pytest.raises(BrokenSourceError, match="broken zip file"):
        build(tmp_path / "w", source={"codealpaca": str(path)})
    assert not (tmp_path / "w" / "build-data").exists()


def test_skipped_it_is_left_out_whole_and_the_card_says_so(tmp_path):
    broken = put(tmp_path / "alpaca.jsonl.gz", BROKEN["code_alpaca.jsonl.gz"])
    (tmp_path / "code").mkdir()
    code = 'def total(values):\n    """Add up all the values."""\n    result = 0\n    for value in values:\n'
    put(tmp_path / "code" / "a.py", f"{code}        result += value\n    return result\n")
    made = build(
        tmp_path / "w",
        source={"codealpaca": str(broken)},
        from_repo=[str(tmp_path / "code")],
        skip_broken_sources=True,
        validation_share=0,
    )
    assert made.summary["broken_sources"] == ["codealpaca"] and "codealpaca" not in made.summary["sources"]
    assert "The source codealpaca is broken and was skipped." in (made.path / "README.md").read_text()


@pytest.mark.parametrize("content", [ARRAY, ARRAY + b" \n\n", b"\xef\xbb\xbf" + ARRAY, LINES, b"", b"[]", b"[1"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_whole_files_are_whole(tmp_path, content, pack):
    file = DataFile(put(tmp_path / "a", pack(content)))
    if content == b"[1":
        with pytest.raises(BrokenSourceError, match="not closed"):
            require_whole(file)
    else:
        require_whole(file)
