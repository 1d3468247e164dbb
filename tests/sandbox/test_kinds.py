from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Program
from coma_cli.sandbox.kinds import kind_of
from coma_cli.sandbox.packages import ImportablePackages, importable_packages
from tests.sandbox.installed import installed_packages

NUMPY, PANDAS, PLAIN = "import numpy as np\n", "def f():\n    import pandas\n", "x = 1\n"


@pytest.fixture
def importable(tmp_path: Path) -> ImportablePackages:
    return importable_packages(installed_packages(tmp_path))


@pytest.mark.parametrize(
    ("source", "tests", "prelude", "mode", "packages", "checker_packages"),
    [
        (PLAIN, PLAIN, "", "split", (), ()),
        (NUMPY, PLAIN, "", "split", ("numpy",), ("numpy",)),
        (PLAIN, NUMPY, "", "split", (), ("numpy",)),
        (PLAIN, PLAIN, NUMPY, "split", (), ("numpy",)),
        (NUMPY, PLAIN, "", "inproc", ("numpy",), ()),
        (PLAIN, NUMPY, "", "inproc", ("numpy",), ()),
        (PLAIN, PLAIN, NUMPY, "inproc", ("numpy",), ()),
        (NUMPY, None, "", "split", ("numpy",), ("numpy",)),
        # What pandas brings with it is not named again, and its values never cross, but numpy's do.
        (NUMPY + PANDAS, PLAIN, "", "split", ("pandas",), ("numpy",)),
        ("import regex", PLAIN, "", "split", ("regex",), ()),
        ("import regex", PANDAS, NUMPY, "inproc", ("pandas", "regex"), ()),
        ("numpyro = 'anumpy'\n", "# numpy_like\n", "", "split", (), ()),
        ("# with numpy this would be faster\n", "import os\n", "", "split", (), ()),
    ],
)
def test_packages_go_to_who_imports_them(
    importable: ImportablePackages, source, tests, prelude, mode, packages, checker_packages
) -> None:
    kind = kind_of(Program("p", source, tests, prelude, ("f",), mode), Limits(), importable)
    assert (kind.packages, kind.checker_packages) == (packages, checker_packages)
    assert kind.inproc is (mode == "inproc")


def test_without_packages_nobody_gets_any() -> None:
    kind = kind_of(Program("p", NUMPY, NUMPY), Limits(), importable_packages(""))
    assert (kind.packages, kind.checker_packages) == ((), ())


def test_a_program_without_tests_has_no_checker_to_share_a_process_with(importable: ImportablePackages) -> None:
    assert not kind_of(Program("p", PLAIN, None, mode="inproc"), Limits(), importable).inproc
    assert kind_of(Program("p", PLAIN, PLAIN, mode="inproc"), Limits(), importable_packages("")).inproc


def test_limits_that_zygotes_are_started_with_are_part_of_the_kind(importable: ImportablePackages) -> None:
    for packages in (importable, importable_packages("")):
        kind = kind_of(Program("p", PLAIN, PLAIN), Limits(memory_mb=333, allow_fork=True), packages)
        assert (kind.memory_mb, kind.allow_fork) == (333, True)
        assert kind != kind_of(Program("p", PLAIN, PLAIN), Limits(memory_mb=333), packages)
