"""What the supervisor watches while a program runs: how long it is blocked, and the usage of its process tree.

The CPU time of a single process is watched by its zygote. The wall-clock limit counts only the time in which a program
was blocked: in which neither it nor any other process of its pair was running or waiting for a core or a disk. So it
is reached by a program that sleeps or waits for ever, and on the busiest machine by no other.
"""

from coma_cli.sandbox import proctree
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.pair import Pair, PairError, PairTask, Watch
from coma_cli.sandbox.verdict import KILL_FACTOR

# A program that has run for this long and is blocked gives its core to another one.
_SLEEPER_AFTER_S, _SLEEPER_BLOCKED_SHARE = 1.0, 0.95
# How long a zygote may be blocked, after the order to end a program, until it is thought dead.
GRACE_S = 5.0
_LOOK_EVERY_S, _LOOKS_PER_LIMIT = 0.2, 4
# Waits for disks count when they exceed so many wall-clock limits: a program can have one after the other for ever.
_DISK_LIMITS = 10
# When the supervisor itself was kept from looking, so much of that time counts at most.
_LONGEST_STEP_S = 1.0
# What is left to a single process above its limits: page tables (memory without gaps needs a 512th of its size), and
# memory of a zygote that had it first. A full socket holds this much at most.
_TABLE_BYTES, _FREE_BYTES = 16 << 20, 32 << 20
SOCKET_BYTES = 256 << 10


def watch(pair: Pair, task: PairTask, age: float, now: float) -> None:
    """Check a program that has been running for `age` seconds. Raises PairError if its zygotes are stuck."""
    if not task.kill_sent:
        (_watch_tree if task.kind.allow_fork else _watch_memory)(pair, task)
    seen = task.watch
    if now - seen.looked_at < min(_LOOK_EVERY_S, task.limits.wall_limit_s / _LOOKS_PER_LIMIT):
        return
    _look(seen, pair.pids(), now, _DISK_LIMITS * task.limits.wall_limit_s)
    seen.sleeping = seen.sleeping and age > _SLEEPER_AFTER_S
    if task.kill_sent:
        if seen.blocked_s - seen.blocked_at_kill > GRACE_S:
            raise PairError("the zygote did not end a program")
    elif seen.blocked_s > task.limits.wall_limit_s:
        pair.kill_program(task, control.WALL)


def _watch_tree(pair: Pair, task: PairTask) -> None:
    """Enforce limits on the whole process tree, which per-process limits can't."""
    pids = pair.program_pids()
    held = sum(proctree.resident_bytes(pid) + proctree.page_table_bytes(pid) for pid in pids)
    if held + SOCKET_BYTES * proctree.sockets(pids) > task.limits.memory_mb << 20:
        pair.kill_program(task, control.MEMORY)
    elif sum(map(proctree.cpu_seconds, pids)) > KILL_FACTOR * task.limits.cpu_s:
        pair.kill_program(task, control.CPU)


def _watch_memory(pair: Pair, task: PairTask) -> None:
    if _holds_too_much(pair.program_pids(), task.limits.memory_mb << 20):
        pair.kill_program(task, control.MEMORY)


def _holds_too_much(pids: list[int], limit: int) -> bool:
    """Whether one process holds what its limits do not count: page tables, and memory shared with nobody."""
    tables, own = map(sum, zip(*map(proctree.table_and_own_bytes, pids), strict=True)) if pids else (0, 0)
    return tables > _TABLE_BYTES + limit // 256 or tables + own > _FREE_BYTES + limit + limit // 16


def _look(seen: Watch, pids: list[int], now: float, disk_limit_s: float) -> None:
    """Add the time since the last look to the blocked time, less what the processes were busy in it."""
    busy = {pid: proctree.busy_seconds(pid) for pid in pids}
    if seen.looked_at:
        seen.open_s += min(now - seen.looked_at, _LONGEST_STEP_S)
        seen.busy_s += sum(max(0.0, spent - seen.busy.get(pid, 0.0)) for pid, spent in busy.items())
    seen.busy, seen.looked_at = busy, now
    states = set().union(*map(proctree.thread_states, pids))
    if "R" in states:
        # A process may have waited for a core since the last look, which its statistics tell when it has got one.
        seen.sleeping = False
        return
    blocked = max(0.0, seen.open_s - seen.busy_s)
    seen.sleeping = "D" not in states and seen.open_s > 0 and blocked > _SLEEPER_BLOCKED_SHARE * seen.open_s
    if "D" in states and seen.disk_s < disk_limit_s:
        seen.disk_s += blocked
    else:
        seen.blocked_s += blocked
    seen.open_s = seen.busy_s = 0.0
