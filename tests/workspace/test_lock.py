import os
import subprocess
import sys

import pytest

from coma_cli.errors import UsageError
from coma_cli.workspace.lock import LOCK, RunLock, holder_of

HOLD = """
import sys
from pathlib import Path
from coma_cli.workspace.lock import RunLock
lock = RunLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_holder_is_the_living_process_that_has_the_lock(tmp_path):
    assert holder_of(tmp_path) is None
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert holder_of(tmp_path) == process.pid
        assert holder_of(tmp_path) == process.pid, "asking takes nothing"
        with pytest.raises(UsageError, match="another process"):
            RunLock.acquire(tmp_path)
        process.kill()
        process.wait()
        assert holder_of(tmp_path) is None


def test_a_process_that_asks_about_its_own_lock_keeps_it(tmp_path):
    lock = RunLock.acquire(tmp_path)
    assert holder_of(tmp_path) == os.getpid()
    done = subprocess.run([sys.executable, "-c", HOLD, str(tmp_path)], capture_output=True, text=True, input="")
    assert "being written by another process" in done.stderr
    lock.release()
    assert holder_of(tmp_path) is None


def test_a_lock_file_that_was_removed_before_it_was_locked_is_no_lock(tmp_path, monkeypatch):
    import fcntl

    real = fcntl.lockf

    def removed_first(handle, how):
        (tmp_path / LOCK).unlink()
        real(handle, how)

    monkeypatch.setattr(fcntl, "lockf", removed_first)
    with pytest.raises(UsageError):
        RunLock.acquire(tmp_path)
    monkeypatch.undo()
    RunLock.acquire(tmp_path).release()
