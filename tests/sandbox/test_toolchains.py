"""What a toolchain reads and how it is called; running programs is tested with `coma_cli.sandbox.command`."""

import pytest

from coma_cli.sandbox.toolchains import LANGUAGES_RUN, find_toolchain, has_main_part, is_readable
from tests.requirements import ROOT
from tests.sandbox.foreign_programs import WELL


@pytest.mark.parametrize("language", LANGUAGES_RUN)
def test_the_project_is_not_among_what_a_toolchain_reads(language):
    chain = find_toolchain(language)
    if chain is None:
        pytest.skip(f"no toolchain for {language} is installed")
    for path in chain.reads.paths:
        assert path.startswith("/") and path not in ("/", "/usr", "/usr/bin", "/etc", "/home", "/root")
        assert not str(ROOT).startswith(f"{path}/")
    assert chain.version and is_readable(chain, "ns")


@pytest.mark.parametrize("language", LANGUAGES_RUN)
def test_what_begins_a_program_is_seen(language):
    assert has_main_part(language, WELL[language])
    scripting = language in ("javascript", "ruby", "php")
    assert has_main_part(language, "int f(int x) { return x; }") == scripting


def test_a_language_without_a_finder_has_no_toolchain():
    assert find_toolchain("csharp") is None


def test_java_is_started_by_the_class_that_main_is_in():
    chain = find_toolchain("java")
    if chain is None:
        pytest.skip("no toolchain for java is installed")
    steps = chain.steps(WELL["java"], 10, 5, 512)
    assert chain.file_name(WELL["java"]) == "Answer.java"
    assert steps[0].command[-1] == "Answer.java"
    assert steps[-1].command[-1] == "Answer" and "-Xmx256m" in steps[-1].command
