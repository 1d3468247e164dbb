"""What programs may read is a list: of the standard library, packages by name and the system's libraries."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from coma_cli.sandbox import Program, Sandbox
from coma_cli.sandbox.launch import find_interpreter
from coma_cli.sandbox.read_list import (
    NEVER,
    PACKAGES,
    PythonFiles,
    ReadList,
    package_reads,
    python_reads,
    system_libraries,
)
from tests.requirements import skip_unless
from tests.sandbox.installed import distribution


def is_readable(reads: ReadList, path: Path | str) -> bool:
    real = os.path.realpath(path)
    return any(real == shown or real.startswith(shown + "/") for shown in reads.paths)


# --- the standard library and the system ---


def test_modules_of_the_standard_library_are_readable_and_what_lies_beside_them_is_not() -> None:
    reads = find_interpreter(None).reads
    stdlib = Path(os.__file__).parent
    for name in ("os.py", "json/decoder.py", "lib-dynload", "encodings/utf_8.py", "__pycache__", "collections"):
        assert is_readable(reads, stdlib / name), name
    for name in ("", "site-packages", "dist-packages", "test", "ensurepip", "idlelib", "planted.py"):
        assert not is_readable(reads, stdlib / name), name
    for path in (sys.prefix, sys.base_prefix, Path(__file__), "/usr", "/usr/share", "/etc/passwd", "/usr/lib"):
        assert not is_readable(reads, path), path


def test_only_names_of_the_standard_library_are_taken_from_its_folder(tmp_path: Path) -> None:
    for name in ("os.py", "planted.py", "site-packages/x.py", "json/x.py", "test/x.py", "_sysconfigdata_x.py", ".env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    reads = python_reads(PythonFiles("/none", "/none", (str(tmp_path),), frozenset(("os", "json", "test"))))
    own = {Path(path).name for path in reads.paths if path.startswith(str(tmp_path))}
    assert own == {"os.py", "json", "_sysconfigdata_x.py"}
    assert reads.listed == (str(tmp_path),)


def test_a_linked_folder_is_read_by_its_real_path_and_found_by_the_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "os.py").write_text("")
    (tmp_path / "link").symlink_to("real")
    reads = python_reads(PythonFiles("/none", "/none", (str(tmp_path / "link"),), frozenset(("os",))))
    assert str(tmp_path / "real" / "os.py") in reads.paths
    assert (str(tmp_path / "link"), str(tmp_path / "real")) in reads.links


def test_of_the_system_only_library_folders_time_zones_and_locales_are_readable() -> None:
    shown = system_libraries().paths
    assert shown
    for path in shown:
        assert ".so" in path or "-linux-" in path or path.startswith(("/usr/share/zoneinfo", "/usr/lib/locale", "/nix"))


# --- packages ---


def test_a_package_is_readable_with_what_it_depends_on(tmp_path: Path) -> None:
    distribution(tmp_path, "numpy", ["numpy/__init__.py", "numpy/a.py", "numpy.libs/b.so", "../../bin/f2py"])
    distribution(tmp_path, "pandas", ["pandas/__init__.py"], ("numpy>=2; python_version > '3'", "Six_Teen (>1)"))
    distribution(tmp_path, "six-teen", ["six_teen.py"], ("never-installed", "pandas", "extra-one; extra == 'x'"))
    distribution(tmp_path, "extra-one", ["extra_one.py"])
    distribution(tmp_path, "other", ["other/__init__.py"])
    reads = package_reads(str(tmp_path))
    names = {Path(path).name for path in reads.paths}
    modules = {"numpy", "numpy.libs", "pandas", "six_teen.py"}
    assert names == modules | {f"{name}-1.0.dist-info" for name in ("numpy", "pandas", "six_teen")}


def test_of_a_folder_that_packages_share_only_the_packages_own_part_is_readable(tmp_path: Path) -> None:
    distribution(tmp_path, "regex", ["shared/regex/__init__.py", "shared/alone.py"])
    distribution(tmp_path, "other", ["shared/other/__init__.py"])
    reads = package_reads(str(tmp_path))
    assert is_readable(reads, tmp_path / "shared/regex/__init__.py")
    assert is_readable(reads, tmp_path / "shared/alone.py")
    assert not is_readable(reads, tmp_path / "shared/other/__init__.py")


@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_holds_answers_is_never_readable(tmp_path: Path, name: str) -> None:
    distribution(tmp_path, "numpy", ["numpy/__init__.py"], (name,))
    distribution(tmp_path, name, ["answers/__init__.py"])
    reads = package_reads(str(tmp_path), (*PACKAGES, name))
    assert is_readable(reads, tmp_path / "numpy")
    assert not is_readable(reads, tmp_path / "answers")


def test_packages_of_the_system_have_no_record(tmp_path: Path) -> None:
    for name in ("numpy", "dateutil", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "numpy-1.0.egg-info").mkdir()
    (tmp_path / "numpy-1.0.egg-info" / "requires.txt").write_text("python-dateutil>=2\n\n[x]\nother\n")
    (tmp_path / "python_dateutil-1.0.egg-info").mkdir()
    (tmp_path / "python_dateutil-1.0.egg-info" / "top_level.txt").write_text("dateutil\n")
    reads = package_reads(str(tmp_path))
    assert {Path(path).name for path in reads.paths if "-info" not in path} == {"numpy", "dateutil"}


# --- whole sandboxes ---

IMPORTS = (
    "import ctypes, sqlite3, ssl, hashlib, decimal, random, multiprocessing, unittest, zoneinfo\n"
    "import xml.etree.ElementTree\nzoneinfo.ZoneInfo('Europe/Berlin')\nimport importlib\n"
    "for name in ('bz2', 'lzma', 'curses', 'uuid', 'asyncio'):\n"
    "    importlib.import_module(name)\n"
)
READS = "import numpy\nassert numpy.zeros(3).sum() == 0\nimport numpy.linalg, numpy.fft, numpy.random\n"


def run(level: str, source: str, python: str | None = None) -> str:
    with Sandbox(isolation=level, workers=1, python=python) as sandbox:  # type: ignore[arg-type]
        (outcome,) = sandbox.run([Program("a", source, None)])
    return f"{outcome.verdict} {outcome.detail}".strip()


def interpreters() -> list[str]:
    """This one, and others that are installed here."""
    found = [*Path("/usr/bin").glob("python3"), *Path.home().glob(".pyenv/versions/3.1[0-9]*/bin/python3")]
    return [sys.executable, *map(str, found)]


@pytest.mark.parametrize("level", ["ns", "landlock"])
@pytest.mark.parametrize("python", interpreters())
def test_the_whole_standard_library_can_be_imported(level: str, python: str) -> None:
    missing = json.loads(
        subprocess.run(
            [python, "-c", "import json,importlib.util as u;print(json.dumps([not u.find_spec('_sqlite3')]))"],
            capture_output=True,
            check=True,
        ).stdout
    )
    skip_unless("interpreter", not missing[0], f"{python} lacks parts of the standard library")
    assert run(level, IMPORTS, python) == "pass"


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_packages_can_be_imported_and_others_can_not(level: str) -> None:
    skip_unless("numpy", bool(find_interpreter(None).site), "numpy is not installed")
    assert run(level, READS) == "pass"
    refused = "import numpy\ntry:\n    import pytest\nexcept ImportError:\n    pass\nelse:\n    raise AssertionError\n"
    assert run(level, refused) == "pass"


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_an_interpreter_below_the_scratch_space_works(level: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "own", with_pip=False)
    (tmp_path / ".env").write_text("secret")
    tmp_path.chmod(0o755)
    python = str(tmp_path / "own" / "bin" / "python")
    assert run(level, IMPORTS, python) == "pass"
    assert run(level, f"open({str(tmp_path / '.env')!r})", python).startswith("fail")
