"""The supervisor: sends programs to pairs of zygotes, enforces time limits, and yields verdicts as they arrive.

It only reads fixed layouts and text from its children: it never evaluates, unpickles or opens what a program made.
"""

import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from coma_cli.parallel.machine import default_workers, own_cores
from coma_cli.sandbox import launch
from coma_cli.sandbox.caller import check_inherited
from coma_cli.sandbox.clocks import watch
from coma_cli.sandbox.contract import Limits, Outcome, Program, SandboxError
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.inside.protocol.control import CheckReport, RunReport
from coma_cli.sandbox.kinds import kind_of
from coma_cli.sandbox.launch import PairKind
from coma_cli.sandbox.levels import (
    PROOF_INDEX,
    Isolation,
    Requested,
    probe_isolation,
    release_proven,
    setting_of,
    take_proven,
)
from coma_cli.sandbox.packages import importable_packages
from coma_cli.sandbox.pair import Pair, PairError, PairTask
from coma_cli.sandbox.slot import Slot
from coma_cli.sandbox.verdict import (
    WithReason,
    failed_test_of,
    is_near_memory_limit,
    may_be_killed_from_outside,
    overtime_verdict,
    timeout_is_certain,
    verdict_of,
)
from coma_cli.sandbox.zygote_scratch import finish_removing

_TICK_S = 0.05
_SLEEPERS_PER_WORKER = 2
# Somebody else's kills may hit zygotes that are starting; a machine where none can start is found out all the same.
_FAILED_STARTS_MAX = 20
# A program under which the sandbox broke, or that was killed, is run again alone so often before that is its verdict.
_RERUNS_MAX = 3
# How long closing waits for files of programs to be removed, which then goes on without us.
REMOVING_S = 10.0
PAIRS_PER_SLOT = 8  # one for each set of packages and limits; programs choose the packages


class Sandbox:
    """Runs untrusted programs; a context manager, so that nothing outlives it. It is opened by entering it.

    `workers` programs run at a time (default: as many as cores and CPU quota allow). `isolation` and `consent` are
    those of `probe_isolation`. `python` is the interpreter of the programs, this one by default; `packages` names
    installed packages that they may import beside the usual ones. On opening it raises SandboxUnavailable where the
    isolation can't be had and SandboxError where the interpreter or a package can't; `isolation` is what holds then.
    """

    isolation: Isolation

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        workers: int | None = None,
        isolation: Requested = "auto",
        consent: bool = False,
        python: str | None = None,
        packages: Sequence[str] = (),
        layers_off: frozenset[str] = frozenset(),
    ) -> None:
        """`layers_off` is for tests that try each layer without the others; nothing else may use it."""
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self._limits = limits or Limits()
        self._workers = workers or default_workers()
        self._requested = isolation
        self._consent = consent
        self._python = python
        self._packages = tuple(packages)
        self._layers_off = layers_off
        self._slots: list[Slot] = []
        self._pairs_made = 0
        self._running = False
        self._is_open = False

    def __enter__(self) -> Self:
        check_inherited(self._limits, self._workers)
        self.isolation = probe_isolation(
            self._requested, self._consent, python=self._python, layers_off=self._layers_off
        )
        interpreter = launch.find_interpreter(self._python)
        self._importable = importable_packages(interpreter.site, self._packages)
        self._setting = setting_of(self.isolation.level, interpreter, self._layers_off)
        self._selector = selectors.DefaultSelector()
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all zygotes; may be called twice."""
        for slot in self._slots:
            for pair in slot.pairs.values():
                pair.close()
        self._slots.clear()
        if self._is_open:
            self._selector.close()
            release_proven()
            finish_removing(REMOVING_S)
        self._is_open = False

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """Yield one outcome per program, in order of completion.

        Programs are taken from the iterable when there is room for them, never ahead of time. Closing the iterator
        early kills what is running. Raises SandboxError if the sandbox itself fails; a program's failure is an outcome.
        """
        if not self._is_open:
            raise SandboxError("this sandbox is not open")
        if self._running:
            raise SandboxError("this sandbox is already running: exhaust or close the other iterator first")
        self._running = True
        try:
            yield from _Run(self, programs).outcomes()
        finally:
            self._running = False
            self._stop_busy_pairs()

    def replace_pairs(self) -> None:
        """End all zygotes: later programs get new ones, which have had to do with none of the programs so far.

        Raises SandboxError while programs run.
        """
        if self._running:
            raise SandboxError("this sandbox is running: exhaust or close the iterator first")
        for slot in self._slots:
            for pair in slot.pairs.values():
                pair.close()
            slot.pairs.clear()
            slot.active = None

    @property
    def zygote_pids(self) -> list[tuple[int, ...]]:
        """For each pair of zygotes that lives, what `Pair.zygote_pids` says: for who watches or disturbs them."""
        return [pair.zygote_pids for slot in list(self._slots) for pair in list(slot.pairs.values())]

    def _stop_busy_pairs(self) -> None:
        for slot in self._slots:
            for kind, pair in list(slot.pairs.items()):
                if pair.tasks:
                    pair.close()
                    del slot.pairs[kind]
                    slot.active = None

    def _pair_for(self, slot: Slot, kind: PairKind) -> Pair:
        pair = slot.pairs.pop(kind, None)
        if pair is not None and pair.is_spent and not pair.tasks:
            pair.close()
            pair = None
        # In the order of their last use: a slot changes its pair only when no program is with the active one.
        slot.pairs[kind] = pair = pair or self._take_pair(kind, slot.cpu)
        while len(slot.pairs) > PAIRS_PER_SLOT:
            slot.pairs.pop(next(iter(slot.pairs))).close()
        slot.active = pair
        return pair

    def _take_pair(self, kind: PairKind, cpu: int | None) -> Pair:
        """The pair that has proven the isolation, once, and else a new one."""
        proven = take_proven(self._setting, kind, self._selector, cpu)
        if proven is not None:
            return proven
        self._pairs_made += 1
        return Pair.start(self._setting, kind, self._selector, PROOF_INDEX + self._pairs_made, cpu)


class _Run:
    """One call of `Sandbox.run`."""

    def __init__(self, sandbox: Sandbox, programs: Iterable[Program]) -> None:
        self._sandbox = sandbox
        self._source = iter(programs)
        self._exhausted = False
        self._waiting: deque[PairTask] = deque()
        self._alone: deque[PairTask] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._last_tick = 0.0
        self._failed_starts = 0
        cores = own_cores(sandbox._workers)
        while len(sandbox._slots) < sandbox._workers:
            sandbox._slots.append(Slot(cores[len(sandbox._slots)]))

    def outcomes(self) -> Iterator[Outcome]:
        while True:
            self._fill()
            while self._outcomes:
                yield self._outcomes.popleft()
            if not self._busy_slots():
                if self._exhausted and not self._waiting and not self._alone:
                    return
                continue
            self._wait()

    # --- sending programs ---

    def _fill(self) -> None:
        while True:
            task = self._next_task()
            if task is None:
                break
            slot = self._find_slot(task)
            if slot is None:
                self._waiting.appendleft(task)
                return
            self._send(slot, task)
        if self._exhausted and not self._waiting and self._alone and not self._busy_slots():
            self._send_alone(self._sandbox._slots[0], self._alone.popleft())

    def _next_task(self) -> PairTask | None:
        """The next program, if there may be room for it: programs are never read ahead of time."""
        if self._waiting:
            return self._waiting.popleft()
        if self._exhausted or not any(
            slot.takes(slot.active.kind) if slot.active else True for slot in self._open_slots()
        ):
            return None
        program = next(self._source, None)
        if program is None:
            self._exhausted = True
            return None
        limits = program.limits or self._sandbox._limits
        return PairTask(program, limits, kind_of(program, limits, self._sandbox._importable))

    def _find_slot(self, task: PairTask) -> Slot | None:
        """A slot for a program: idle ones before busy ones, ones with a matching pair before others."""
        able = [slot for slot in self._open_slots() if slot.takes(task.kind)]
        return min(able, key=lambda slot: (slot.is_busy, task.kind not in slot.pairs), default=None)

    def _open_slots(self) -> list[Slot]:
        """Slots that may take programs: as many as workers, not counting those whose program sleeps."""
        slots = self._sandbox._slots
        sleeping = sum(slot.is_sleeping for slot in slots)
        if not sleeping:
            return slots[: self._sandbox._workers]
        most = self._sandbox._workers * (1 + _SLEEPERS_PER_WORKER)
        while len(slots) - sleeping < self._sandbox._workers and len(slots) < most:
            slots.append(Slot())
        awake = [slot for slot in slots if not slot.is_sleeping]
        busy = [slot for slot in awake if slot.is_busy]
        idle = [slot for slot in awake if not slot.is_busy]
        return [*busy, *idle[: max(0, self._sandbox._workers - len(busy))]]

    def _busy_slots(self) -> list[Slot]:
        return [slot for slot in self._sandbox._slots if slot.is_busy]

    def _send(self, slot: Slot, task: PairTask) -> None:
        self._sandbox._pair_for(slot, task.kind).send(task)

    def _send_alone(self, slot: Slot, task: PairTask) -> None:
        """Send a program with nothing else beside it, a suspect to zygotes that have run no other program."""
        pair = slot.pairs.get(task.kind)
        if task.crashes and pair is not None and not pair.is_fresh:
            pair.close()
            del slot.pairs[task.kind]
        self._send(slot, task)

    # --- collecting results ---

    def _wait(self) -> None:
        for key, events in self._sandbox._selector.select(_TICK_S):
            pair, role = key.data
            try:
                for task in pair.handle(role, events):
                    self._conclude(task)
            except PairError as death:
                self._bury(pair, str(death))
        now = time.monotonic()
        if now - self._last_tick >= _TICK_S:
            self._last_tick = now
            self._tick(now)

    def _conclude(self, task: PairTask) -> None:
        run, check = task.run_report, task.check_report
        assert run is not None
        if may_be_killed_from_outside(run, check, task.limits):
            tests_killed = check is not None and check.kind == control.KILLED
            if tests_killed or task.crashes < _RERUNS_MAX or self._was_killed(task, run):
                self._suspect(task, "its tests were killed" if tests_killed else "it was killed")
                return
        verdict = verdict_of(run, check, task.limits)
        if verdict[0] == "timeout" and not task.alone and not timeout_is_certain(run, check, task.limits):
            # Time alone may be the machine's fault: a run with nothing else beside it decides.
            task.alone = True
            self._alone.append(task)
            return
        self._give_out(task, verdict, run.cpu_s, run.wall_s)

    def _was_killed(self, task: PairTask, run: RunReport) -> bool:
        """Whether a program that ended by SIGKILL can't have sent that itself, which the seccomp filter forbids."""
        forbidden = "seccomp" in self._sandbox._setting.layers and not task.limits.allow_fork
        return forbidden and run.reason == control.ENDED and not is_near_memory_limit(run, task.limits)

    def _give_out(self, task: PairTask, verdict: WithReason, cpu_s: float, wall_s: float, crash: bool = False) -> None:
        program = task.program
        self._outcomes.append(
            Outcome(
                program.key,
                *verdict,
                round(cpu_s, 4),
                round(wall_s, 4),
                task.attempts,
                program.trust,
                program.mode,
                crash,
                failed_test_of(task.check_report) if verdict[0] == "fail" else None,
            )
        )

    def _bury(self, pair: Pair, why: str) -> None:
        """Handle the death of a pair: its first program, the suspect, is retried alone, the others are just retried."""
        if pair.is_closed:  # by the end of its other connection
            return
        self._forget(pair)
        started = pair.is_ready
        for task in pair.drain():
            self._conclude(task)
        left = pair.close()
        self._failed_starts = 0 if started else self._failed_starts + 1
        if self._failed_starts >= _FAILED_STARTS_MAX:
            raise SandboxError(f"{why} before it was ready, {_FAILED_STARTS_MAX} times in a row")
        suspect = self._suspect_of(pair) if started else None
        for task in reversed(left):
            if task is not suspect:
                task.attempts -= 1
                (self._alone if task.alone else self._waiting).appendleft(task)
        if suspect is None:
            return
        if suspect.run_report is not None and suspect.kill_sent:
            # The program was stopped at a limit and its tests would not end: the limit decides.
            suspect.check_report = CheckReport(suspect.seq, suspect.nonce, control.LOST, 0.0, why.encode())
            self._conclude(suspect)
        elif suspect is pair.overtime_task():
            self._give_out(suspect, overtime_verdict(suspect.limits), 0.0, time.monotonic() - suspect.head_since)
        else:
            self._suspect(suspect, why)

    def _forget(self, pair: Pair) -> None:
        for slot in self._sandbox._slots:
            if slot.pairs.get(pair.kind) is pair:
                del slot.pairs[pair.kind]
                # An idle pair may die beside the one that runs programs.
                slot.active = None if slot.active is pair else slot.active

    def _suspect_of(self, pair: Pair) -> PairTask | None:
        """The program that a closed pair may have died of, if any."""
        if pair.has_retired or not pair.left:
            return None
        return pair.overtime_task() or pair.left[0]

    def _suspect(self, task: PairTask, why: str) -> None:
        task.crashes += 1
        if task.crashes > _RERUNS_MAX:
            self._give_out(task, ("error", f"{why}, {task.crashes} times"), 0.0, 0.0, crash=True)
            return
        task.alone = True
        self._alone.append(task)

    # --- clocks ---

    def _tick(self, now: float) -> None:
        for slot in self._busy_slots():
            pair = slot.active
            assert pair is not None
            pair.check_start()
            task = pair.tasks[0]
            age = now - task.head_since
            if not pair.is_ready or age < _TICK_S:
                continue
            try:
                watch(pair, task, age, now)
            except PairError as death:
                self._bury(pair, str(death))
