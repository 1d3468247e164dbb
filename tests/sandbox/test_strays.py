"""Detached processes end with their zygote where no namespace ends them, whichever process above them is killed."""

import os
import signal
import textwrap
import time

import pytest

from coma_cli.sandbox import Limits, Program, Sandbox, proctree
from tests.support.processes import is_alive

# Two forks and a session of its own, below a thread too; then the program waits.
DETACH = """
    import os, threading, time
    def detach():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 64)
                time.sleep(60)
            os._exit(0)
    detach()
    thread = threading.Thread(target=detach)
    thread.start()
    thread.join()
    os.chdir('/')
    time.sleep(60)
"""


def started(sandbox: Sandbox) -> tuple[int, list[int]]:
    """The reaper of the pair that runs the program, and all processes below it once the program has detached some."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for reaper, *_ in sandbox.zygote_pids:
            below = proctree.descendants(reaper)
            # The zygote, the program, and what it has detached.
            if len([pid for pid in below if is_alive(pid)]) >= 4:
                return reaper, below
        time.sleep(0.02)
    raise AssertionError("no detached process appeared")


@pytest.mark.parametrize("level", ["ns", "landlock"])
@pytest.mark.parametrize("victims", ["zygote", "reaper", "both"])
def test_nothing_of_a_program_outlives_its_zygote(level: str, victims: str) -> None:
    program = Program("p", textwrap.dedent(DETACH), None)
    limits = Limits(cpu_s=2, wall_s=30, allow_fork=True)
    with Sandbox(workers=1, isolation=level, limits=limits) as sandbox:  # type: ignore[arg-type]
        run = sandbox.run([program, Program("next", "pass", None)])
        # The generator starts the program when it is asked for its first outcome, which a thread would have to do:
        # so the pair is watched from a timer's signal.
        seen: list[int] = []

        def kill(*_: object) -> None:
            reaper, below = started(sandbox)
            seen.extend(below)
            for pid in {"zygote": below[:1], "reaper": [reaper], "both": [reaper, below[0]]}[victims]:
                os.kill(pid, signal.SIGKILL)

        before = signal.signal(signal.SIGALRM, kill)
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        try:
            assert next(run).key == "next"
        finally:
            signal.signal(signal.SIGALRM, before)
        run.close()
    time.sleep(0.2)
    assert len(seen) >= 4
    assert [pid for pid in seen if is_alive(pid)] == []
