"""What the processes below this one cost together: their CPU time, and the memory that they hold at the most."""

import os
import resource
import threading

from coma_cli.sandbox import proctree
from coma_cli.sandbox.inside.isolation import syscalls


class Watch:
    """Watches all processes that are begun while it is entered, and at its end waits for those that are left.

    `peak_mib` counts pages that several processes share once in all (PSS).
    """

    def __init__(self, every_s: float = 0.1) -> None:
        self.peak_mib = 0.0
        self.cpu_s = 0.0
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> None:
        # Processes whose parent ends before them come to us, and their CPU time with them.
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        self._before = _children_cpu()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        _reap_orphans()
        self.cpu_s = _children_cpu() - self._before

    def _sample(self) -> None:
        while not self._over.wait(self._every_s):
            held = sum(map(proctree.resident_bytes, proctree.descendants(os.getpid())))
            self.peak_mib = max(self.peak_mib, held / 2**20)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _reap_orphans() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
