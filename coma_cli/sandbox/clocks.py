"""What the supervisor watches while a program runs: wall-clock time, sleeping, and the usage of its process tree.

The CPU time of a single process is watched by its zygote.
"""

from coma_cli.sandbox import proctree
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.pair import Pair, PairError, PairTask
from coma_cli.sandbox.verdict import KILL_FACTOR

# A program that has slept for this long gives its core to another one.
_SLEEPER_AFTER_S, _SLEEPER_CPU_SHARE = 1.0, 0.05
# How long a zygote may take to end a program, and a checker to finish the tests.
GRACE_S = 5.0
_CHECKER_CPU_FACTOR = 10
# What is left to a single process above its limits: page tables (memory without gaps needs a 512th of its size), and
# memory of a zygote that had it first. A full socket holds this much at most.
_TABLE_BYTES, _FREE_BYTES = 16 << 20, 32 << 20
SOCKET_BYTES = 256 << 10


def watch(pair: Pair, task: PairTask, age: float, now: float) -> None:
    """Check a program that has been running for `age` seconds. Raises PairError if its zygotes are stuck."""
    if task.kill_sent:
        if now - task.kill_sent > GRACE_S:
            raise PairError("the zygote did not end a program")
        return
    if task.watch.checker_cpu_before is None:
        task.watch.checker_cpu_before = pair.checker_cpu()
    if task.kind.allow_fork:
        _watch_tree(pair, task)
    elif _holds_too_much(pair.program_pids(), task.limits.memory_mb << 20):
        pair.kill_program(task, control.MEMORY)
    if age > _SLEEPER_AFTER_S and now - task.watch.looked_at > _SLEEPER_AFTER_S / 2:
        _watch_sleep(pair, task, now)
    if age > task.limits.wall_limit_s:
        _watch_wall(pair, task, age)


def _watch_tree(pair: Pair, task: PairTask) -> None:
    """Enforce limits on the whole process tree, which per-process limits can't."""
    pids = pair.program_pids()
    held = sum(proctree.resident_bytes(pid) + proctree.page_table_bytes(pid) for pid in pids)
    if held + SOCKET_BYTES * proctree.sockets(pids) > task.limits.memory_mb << 20:
        pair.kill_program(task, control.MEMORY)
    elif sum(map(proctree.cpu_seconds, pids)) > KILL_FACTOR * task.limits.cpu_s:
        pair.kill_program(task, control.CPU)


def _holds_too_much(pids: list[int], limit: int) -> bool:
    """Whether one process holds what its limits do not count: page tables, and memory shared with nobody."""
    tables = sum(map(proctree.page_table_bytes, pids))
    if tables > _TABLE_BYTES + limit // 256:
        return True
    return tables + sum(map(proctree.own_bytes, pids)) > _FREE_BYTES + limit + limit // 16


def _watch_sleep(pair: Pair, task: PairTask, now: float) -> None:
    cpu = sum(map(proctree.cpu_seconds, pair.program_pids())) + pair.checker_cpu()
    watch = task.watch
    if watch.looked_at:
        watch.sleeping = cpu - watch.cpu_s < _SLEEPER_CPU_SHARE * (now - watch.looked_at)
    watch.cpu_s, watch.looked_at = cpu, now


def _watch_wall(pair: Pair, task: PairTask, age: float) -> None:
    """Enforce the wall-clock limit, not counting time in which the program waited for a core."""
    checker = pair.checker_cpu() - (task.watch.checker_cpu_before or 0.0)
    if task.is_checked and checker > _CHECKER_CPU_FACTOR * task.limits.wall_limit_s:
        raise PairError("the tests did not finish")
    kept_waiting = max(map(proctree.waited_for_cpu, pair.program_pids()), default=0.0)
    if age - kept_waiting - checker > task.limits.wall_limit_s:
        pair.kill_program(task, control.WALL)
