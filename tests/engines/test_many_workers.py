"""Requests that worker processes answer: real processes, some of them killed, with an engine that needs no model."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from coma_cli.engines.many_workers import ManyWorkersEngine
from coma_cli.engines.worker_sources import LocalSource
from coma_cli.errors import CliError
from tests.engines.counting_engine import open_broken, open_counting, requests_for
from tests.requirements import ROOT
from tests.support.processes import is_alive


def engine(remarks: list[str] | None = None, opener=open_counting, workers: int = 2) -> ManyWorkersEngine:
    notes = [] if remarks is None else remarks
    return ManyWorkersEngine(LocalSource([f"d{n}" for n in range(workers)], 1), opener, notes.append)


def pids_of(responses) -> set[int]:
    return {int(response.text.split()[0]) for response in responses}


def test_every_request_is_answered_once_and_all_workers_take_part():
    remarks: list[str] = []
    with engine(remarks, partial(open_counting, pause_s=0.002)) as workers:
        responses = list(workers.generate(requests_for(7, 30)))
        again = list(workers.generate(requests_for(2, 3)))
    assert sorted(r.key for r in responses) == sorted(r.key for r in requests_for(7, 30))
    assert len(again) == 6
    assert len(pids_of(responses)) == 2
    assert {r.text.split()[1] for r in responses} == {"d0", "d1"}
    assert workers.path == "numbers"
    assert workers.devices == ["d0", "d1"]
    assert sorted(remarks) == ["d0: opened on d0", "d1: opened on d1"]
    assert not [pid for pid in pids_of(responses) if is_alive(pid)]


@pytest.mark.slow
def test_nothing_to_do():
    with engine() as workers:
        assert list(workers.generate([])) == []


def test_questions_are_answered_by_a_worker_between_and_after_requests():
    with engine() as workers:
        assert workers.log_probability((1,), (2, 3)) == -5
        assert len(list(workers.generate(requests_for(2, 2)))) == 4
        assert [workers.log_probability((1,), (n,)) for n in range(5)] == [0, -1, -2, -3, -4]


def test_the_rows_of_a_killed_worker_go_to_the_others(tmp_path):
    remarks: list[str] = []
    wanted = requests_for(3, 40, p1_20=f"kill {tmp_path / 'once'}")
    with engine(remarks, partial(open_counting, pause_s=0.001)) as workers:
        responses = list(workers.generate(wanted))
    assert sorted(r.key for r in responses) == sorted(r.key for r in wanted)
    (lost,) = [remark for remark in remarks if "was killed by signal 9" in remark]
    assert "to the others" in lost


def test_a_row_that_kills_every_worker_ends_in_an_error():
    answered = []
    with pytest.raises(CliError, match="no other is left") as caught, engine() as workers:
        answered.extend(workers.generate(requests_for(2, 30, p1_10="kill")))
    assert answered
    assert "Rerun" in caught.value.hint


@pytest.mark.slow
def test_an_error_of_a_worker_is_that_of_the_engine():
    with pytest.raises(CliError, match="no room"), engine() as workers:
        list(workers.generate(requests_for(1, 8, p0_3="fail")))
    with pytest.raises(CliError, match="no model for d"), engine(opener=open_broken):
        pytest.fail("nothing was opened")


@pytest.mark.slow
def test_a_bug_in_a_worker_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug"), engine() as workers:
        list(workers.generate(requests_for(1, 8, p0_3="bug")))


@pytest.mark.slow
def test_workers_at_work_end_when_nobody_wants_more(tmp_path):
    with engine(opener=partial(open_counting, pause_s=0.01)) as workers:
        responses = workers.generate(requests_for(2, 500))
        some = [next(responses) for _ in range(20)]
        responses.close()
    assert not [pid for pid in pids_of(some) if is_alive(pid)]


LEAD = """
import sys
from functools import partial
from coma_cli.engines.many_workers import ManyWorkersEngine
from coma_cli.engines.worker_sources import LocalSource
from tests.engines.counting_engine import open_counting, requests_for

with ManyWorkersEngine(LocalSource(["d0", "d1"], 1), partial(open_counting, pause_s=0.01), print) as workers:
    for response in workers.generate(requests_for(2, 5000, p0_30="sleep")):
        print(response.text.split()[0], flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_the_process_that_it_works_for(kind, tmp_path):
    script = tmp_path / "lead.py"
    script.write_text(LEAD)
    output = tmp_path / "output"
    with output.open("w") as target:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=target,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    wait_for(lambda: len(pids_in(output)) == 2)
    pids = pids_in(output)
    if kind == signal.SIGINT:
        os.killpg(process.pid, kind)  # a terminal sends it to every process of the group
    else:
        process.send_signal(kind)
    process.wait(30)
    wait_for(lambda: not [pid for pid in pids if is_alive(pid)])


def pids_in(output: Path) -> set[int]:
    return {int(line) for line in output.read_text().split("\n") if line.isdigit()}


def wait_for(condition, deadline_s: float = 60.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
