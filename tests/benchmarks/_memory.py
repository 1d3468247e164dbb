"""How much memory the processes below this one hold together: pages that several share count once in all (PSS)."""

import os
import threading

from coma_cli.sandbox import proctree


class MemoryWatch:
    """Samples how much all processes below this one hold; a context manager."""

    def __init__(self, every_s: float = 0.1) -> None:
        self.peak_mib = 0.0
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(self._every_s):
            held = sum(map(proctree.resident_bytes, proctree.descendants(os.getpid())))
            self.peak_mib = max(self.peak_mib, held / 2**20)
