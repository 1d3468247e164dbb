"""Imports find what may be read and nothing else, in a process of their own."""

import subprocess
import sys
from pathlib import Path

from tests.requirements import ROOT

SCRIPT = """
import pkgutil, sys
folder, other = sys.argv[1:]
sys.path[:] = [*sys.path, folder, other]
from coma_cli.sandbox.inside.zygotes.import_finder import find_only
find_only([f"{folder}/{name}" for name in ("one.py", "two", "missing.py")], [folder])
for name in ("one", "two", "two.inner", "hidden", "missing", "elsewhere"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print("not found", error.name)
    else:
        print("found", name)
"""


def test_only_the_given_entries_of_a_folder_are_found(tmp_path: Path) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    for path in (folder / "one.py", folder / "two/__init__.py", folder / "two/inner.py", folder / "hidden.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    other.mkdir()
    (other / "elsewhere.py").write_text("")
    command = [sys.executable, "-c", SCRIPT, str(folder), str(other)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "found one",
        "found two",
        "found two.inner",
        "not found hidden",
        "not found missing",
        "found elsewhere",
    ]
