import pytest

from coma_cli.sandbox import Limits, Program
from coma_cli.sandbox.kinds import kind_of

USES, PLAIN = "import numpy as np\n", "x = 1\n"
SITE = "/somewhere/site-packages"


@pytest.mark.parametrize(
    ("source", "tests", "prelude", "mode", "packages", "checker_packages"),
    [
        (PLAIN, PLAIN, "", "split", False, False),
        (USES, PLAIN, "", "split", True, True),
        (PLAIN, USES, "", "split", False, True),
        (PLAIN, PLAIN, USES, "split", False, True),
        (USES, PLAIN, "", "inproc", True, False),
        (PLAIN, USES, "", "inproc", True, False),
        (PLAIN, PLAIN, USES, "inproc", True, False),
        (USES, None, "", "split", True, True),
        ("numpyro = 'anumpy'\n", "# numpy_like\n", "", "split", False, False),
    ],
)
def test_packages_go_to_who_names_numpy(source, tests, prelude, mode, packages, checker_packages):
    kind = kind_of(Program("p", source, tests, prelude, ("f",), mode), Limits(), SITE)
    assert (kind.site, kind.checker_site) == (packages, checker_packages)
    assert kind.inproc is (mode == "inproc")


def test_without_packages_nobody_gets_any():
    kind = kind_of(Program("p", USES, USES), Limits(), "")
    assert (kind.site, kind.checker_site) == (False, False)


def test_a_program_without_tests_has_no_checker_to_share_a_process_with():
    assert not kind_of(Program("p", PLAIN, None, mode="inproc"), Limits(), SITE).inproc
    assert kind_of(Program("p", PLAIN, PLAIN, mode="inproc"), Limits(), "").inproc


@pytest.mark.parametrize("site", ["", SITE])
def test_limits_that_zygotes_are_started_with_are_part_of_the_kind(site):
    kind = kind_of(Program("p", PLAIN, PLAIN), Limits(memory_mb=333, allow_fork=True), site)
    assert (kind.memory_mb, kind.allow_fork) == (333, True)
    assert kind != kind_of(Program("p", PLAIN, PLAIN), Limits(memory_mb=333), site)
