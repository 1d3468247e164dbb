import os
import signal
import sys

import pytest

from coma_cli.errors import CliError, MissingInputError
from coma_cli.parallel.apart import working_apart


def load():
    sys.modules["loaded_before"] = sys


def note(path, text):
    path.write_text(f"{text} {os.getpid()} {'loaded_before' in sys.modules}")


def fail():
    raise MissingInputError("no rows", "hint")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_is_done_in_another_process_that_has_loaded_what_it_needs(tmp_path):
    with working_apart(load, apart=True) as do:
        do(note, tmp_path / "a", "one")
        do(note, tmp_path / "b", "two")
    (one, first, loaded), (two, second, _) = ((tmp_path / name).read_text().split() for name in "ab")
    assert (one, two, loaded) == ("one", "two", "True")
    assert first == second != str(os.getpid())


def test_otherwise_it_is_done_here_and_nothing_is_loaded_before(tmp_path):
    with working_apart(load, apart=False) as do:
        do(note, tmp_path / "a", "one")
        assert (tmp_path / "a").read_text() == f"one {os.getpid()} False"


@pytest.mark.parametrize("apart", [False, True])
def test_an_error_comes_through_as_it_is(apart):
    with pytest.raises(MissingInputError, match="no rows"), working_apart(load, apart=apart) as do:
        do(fail)


def test_a_killed_process_is_an_error_with_a_hint():
    with pytest.raises(CliError, match="killed") as error, working_apart(load, apart=True) as do:
        do(die)
    assert "--workers 1" in error.value.hint


def test_an_error_of_the_caller_ends_the_process():
    with pytest.raises(ValueError, match="other"), working_apart(load, apart=True):
        raise ValueError("other")
