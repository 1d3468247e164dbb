"""The identity of a sandbox changes with everything that an outcome may depend on, and with nothing else."""

import os
import sys
from pathlib import Path

import pytest

from coma_cli.sandbox import Isolation, SandboxError
from coma_cli.sandbox.identity import host, identity, packages, parts, sources_sha256
from coma_cli.sandbox.launch import Interpreter

NS = Isolation("ns", ("a wall",))


def test_the_same_sandbox_has_the_same_identity() -> None:
    assert identity(NS) == identity(Isolation("ns", ("a wall",)))
    assert len(identity(NS)) == 64


@pytest.mark.parametrize(
    "other", [Isolation("landlock", ("a wall",)), Isolation("ns"), Isolation("ns", ("a wall",), ("a loss",))]
)
def test_the_isolation_that_holds_is_part_of_it(other: Isolation) -> None:
    assert identity(other) != identity(NS)


def test_why_a_better_level_was_refused_is_not(tmp_path: Path) -> None:
    assert identity(Isolation("ns", ("a wall",), refused=("words of this kernel",))) == identity(NS)


def test_the_interpreter_is_part_of_it_by_place_and_content(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    by_link = parts(NS, str(link))["interpreter"]
    assert by_link != parts(NS)["interpreter"]
    assert by_link[-1] == parts(NS)["interpreter"][-1] == sys.version
    with pytest.raises(SandboxError):
        identity(NS, str(tmp_path / "none"))


def test_a_replaced_interpreter_is_another_one(tmp_path: Path) -> None:
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    before = parts(NS, str(wrapper))["interpreter"]
    os.utime(wrapper, (1, 1))
    assert parts(NS, str(wrapper))["interpreter"] != before


def test_packages_are_part_of_it_by_name_and_version(tmp_path: Path) -> None:
    interpreter = Interpreter(sys.executable, site=str(tmp_path))
    assert packages(interpreter) == []
    for name in ("numpy-2.0.dist-info", "old-1.0.egg-info", "numpy", "some-info"):
        (tmp_path / name).mkdir()
    assert packages(interpreter) == ["numpy-2.0.dist-info", "old-1.0.egg-info"]
    (tmp_path / "numpy-2.0.dist-info").rename(tmp_path / "numpy-2.1.dist-info")
    assert packages(interpreter) == ["numpy-2.1.dist-info", "old-1.0.egg-info"]
    assert packages(Interpreter(sys.executable)) == []


def test_the_sandboxs_own_code_is_part_of_it(tmp_path: Path) -> None:
    seen = set()
    for number, change in enumerate(("", "x = 1\n", "x = 2\n", "moved")):
        package = tmp_path / str(number)
        (package / "inside").mkdir(parents=True)
        (package / "inside" / ("b.py" if change == "moved" else "a.py")).write_text(change)
        (package / "inside" / "a.pyc").write_text(str(number))
        seen.add(sources_sha256(package))
    assert len(seen) == 4
    assert parts(NS)["sandbox"] == sources_sha256(Path(sys.modules[identity.__module__].__file__ or "").parent)


@pytest.mark.parametrize("field", ["release", "nodename", "machine"])
def test_the_machine_is_part_of_it(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = host(), os.uname()
    names = ("sysname", "nodename", "release", "version", "machine")
    other = os.uname_result([f"{getattr(real, n)}x" if n == field else getattr(real, n) for n in names])
    monkeypatch.setattr(os, "uname", lambda: other)
    assert host() != before
