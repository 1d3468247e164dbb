"""The wall-clock limit counts the time in which nothing of a pair runs or waits for a core, and no other."""

from dataclasses import dataclass, field

import pytest

from coma_cli.sandbox import Limits, Program, proctree
from coma_cli.sandbox.clocks import GRACE_S, watch
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.launch import PairKind
from coma_cli.sandbox.pair import PairError, PairTask

WALL_S = 10.0
STEP_S = 0.2


@dataclass
class Processes:
    """What the kernel would say of a pair: seconds that each process was busy, and what process 2 does now."""

    busy: dict[int, float] = field(default_factory=dict)
    state: str = "S"
    killed: list[int] = field(default_factory=list)

    def pids(self) -> list[int]:
        return list(self.busy)

    def program_pids(self) -> list[int]:
        return []

    def kill_program(self, task: PairTask, reason: int) -> None:
        self.killed.append(reason)
        task.kill_sent = 1.0
        task.watch.blocked_at_kill = task.watch.blocked_s


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Processes:
    processes = Processes({1: 5.0, 2: 0.0, 3: 7.0})
    monkeypatch.setattr(proctree, "busy_seconds", lambda pid: processes.busy[pid])
    monkeypatch.setattr(proctree, "thread_states", lambda pid: {"S", processes.state if pid == 2 else "S"})
    return processes


def task() -> PairTask:
    return PairTask(Program("p", "", None), Limits(cpu_s=3, wall_s=WALL_S), PairKind())


def let_pass(processes: Processes, program: PairTask, seconds: float, each: float = 0.0, start: float = 100.0) -> float:
    """Look at the pair every step, in which process 2 is busy for `each` seconds; when it ends."""
    now = start
    while now < start + seconds:
        processes.busy[2] += each
        watch(processes, program, now - 100.0, now)  # type: ignore[arg-type]
        now += STEP_S
    return now


def test_a_program_that_is_blocked_is_ended_at_the_limit(seen: Processes) -> None:
    program = task()
    now = let_pass(seen, program, WALL_S - 2 * STEP_S)
    assert seen.killed == []
    let_pass(seen, program, 4 * STEP_S, start=now)
    assert seen.killed == [control.WALL]


def test_time_in_which_it_runs_or_has_waited_for_a_core_does_not_count(seen: Processes) -> None:
    program = task()
    let_pass(seen, program, 20 * WALL_S, each=STEP_S)
    assert seen.killed == []
    assert program.watch.blocked_s < 1


def test_a_wait_for_a_core_does_not_count_before_the_kernel_tells_of_it(seen: Processes) -> None:
    """The statistics know of a wait when it is over: until then all that is seen is that the process wants to run."""
    program = task()
    seen.state = "R"
    now = let_pass(seen, program, 50 * WALL_S)
    assert seen.killed == []
    seen.state = "S"
    seen.busy[2] += 50 * WALL_S
    let_pass(seen, program, WALL_S / 2, start=now)
    assert program.watch.blocked_s < WALL_S / 2 + 1


def test_a_wait_for_a_disk_does_not_count_unless_it_goes_on_for_ever(seen: Processes) -> None:
    program = task()
    seen.state = "D"
    now = let_pass(seen, program, 9 * WALL_S)
    assert seen.killed == []
    assert not program.watch.sleeping
    let_pass(seen, program, 2.3 * WALL_S, start=now)
    assert seen.killed == [control.WALL]


def test_a_program_that_seldom_runs_is_blocked_in_between(seen: Processes) -> None:
    program = task()
    now = let_pass(seen, program, WALL_S / 2)
    seen.state = "R"
    seen.busy[2] += 0.01
    now = let_pass(seen, program, STEP_S, start=now)
    seen.state = "S"
    let_pass(seen, program, WALL_S, start=now)
    assert seen.killed == [control.WALL]


def test_time_in_which_nobody_looked_counts_little(seen: Processes) -> None:
    program = task()
    let_pass(seen, program, STEP_S)
    let_pass(seen, program, STEP_S, start=100.0 + 50 * WALL_S)
    assert seen.killed == []


def test_processes_that_are_new_or_have_ended_are_counted(seen: Processes) -> None:
    program = task()
    now = let_pass(seen, program, STEP_S)
    for number in range(200):
        seen.busy = {1: 5.0, 100 + number: STEP_S}  # each lives for one step
        watch(seen, program, now - 100.0, now)  # type: ignore[arg-type]
        now += STEP_S
    assert seen.killed == []


def test_a_blocked_program_sleeps_after_a_second_and_one_that_runs_does_not(seen: Processes) -> None:
    program = task()
    now = let_pass(seen, program, 0.8)
    assert not program.watch.sleeping
    now = let_pass(seen, program, 1.0, start=now)
    assert program.watch.sleeping
    now = let_pass(seen, program, 1.0, each=STEP_S / 2, start=now)
    assert not program.watch.sleeping


def test_a_zygote_that_does_not_end_a_program_is_thought_dead_only_when_it_is_blocked(seen: Processes) -> None:
    program = task()
    now = let_pass(seen, program, WALL_S + 1)
    assert seen.killed == [control.WALL]
    now = let_pass(seen, program, 10 * GRACE_S, each=STEP_S, start=now)
    with pytest.raises(PairError, match="did not end a program"):
        let_pass(seen, program, GRACE_S + 1, start=now)
