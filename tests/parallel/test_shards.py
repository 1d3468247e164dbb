import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coma_cli.errors import CliError, MissingInputError
from coma_cli.parallel.shards import map_shards
from tests.support.processes import is_alive


def power(base, exponent):
    return base**exponent


def fail(_, shard):
    raise MissingInputError(f"no {shard}", "hint")


def die(_, shard):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_shard_is_done_once(workers):
    assert sorted(map_shards(power, 2, range(20), workers)) == [2**n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_come_through_as_they_are(workers):
    with pytest.raises(MissingInputError, match="no a"):
        list(map_shards(fail, None, ["a", "a"], workers))


def test_a_killed_worker_is_an_error_with_a_hint():
    with pytest.raises(CliError, match="killed") as error:
        list(map_shards(die, None, [1, 2], 2))
    assert "--workers 1" in error.value.hint


PARENT = """
import os, sys, time
from coma_cli.parallel.shards import map_shards
from tests.parallel.test_shards import note_and_wait
if __name__ == "__main__":
    list(map_shards(note_and_wait, sys.argv[1], [0, 1, 2], 2))
"""


def note_and_wait(folder, shard):
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    pids = tmp_path / "pids"
    pids.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen([sys.executable, str(script), str(pids)], env=environment, stderr=subprocess.DEVNULL)
    _wait_for(lambda: len(list(pids.iterdir())) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_for(lambda: not [p for p in pids.iterdir() if is_alive(int(p.name))])


def _wait_for(condition, deadline_s=30.0):
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_cluster_does_every_shard_once(ray):
    assert sorted(map_shards(power, 2, range(20), 1, "ray")) == [2**n for n in range(20)]


def test_errors_come_through_from_a_cluster(ray):
    with pytest.raises(MissingInputError, match="no a"):
        list(map_shards(fail, None, ["a"], 1, "ray"))


def test_a_shard_whose_worker_always_dies_is_an_error_in_the_end(ray):
    with pytest.raises(CliError, match="lost on the Ray cluster"):
        list(map_shards(die, None, [1], 1, "ray"))


def test_a_shard_whose_worker_dies_once_is_done_again(ray, tmp_path):
    assert list(map_shards(die_once, tmp_path, [3], 1, "ray")) == [9]


def die_once(folder, shard):
    if not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shard * shard


def test_without_ray_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CliError, match="ray") as error:
        list(map_shards(power, 2, [1], 1, "ray"))
    assert error.value.exit_code == 4
