"""Undoes what a zygote has inherited from the process that started coma and would change how its programs run."""

from __future__ import annotations

import signal

# Ignored, an ended child leaves no status to read (SIGCHLD), and limits on CPU time have no effect.
_NEEDED = (signal.SIGCHLD, signal.SIGPROF, signal.SIGXCPU)


def reset_signals() -> None:
    """Give the signals that a zygote relies on their default effect, and block none: `trap '' CHLD` is inherited."""
    for number in _NEEDED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
