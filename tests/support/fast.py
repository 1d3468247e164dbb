"""What `make test-fast` leaves out, without a list that somebody has to keep.

A test is skipped at the moment in which it starts a process, loads torch or reads the shared data: these are what takes
seconds. What is left are seven tests of eight, which take 34 seconds of CPU time together and 1.6 the longest.
"""

import sys
import threading
from typing import Any

import pytest

from tests import requirements

_STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}
# The second are loaded by whoever starts a process by way of multiprocessing, for which Python has no event.
_LOADS = {"torch", "transformers", "ray", "multiprocessing.popen_fork", "multiprocessing.popen_spawn_posix"}
_LOADS |= {"multiprocessing.popen_forkserver", "multiprocessing.forkserver"}


def skip_what_takes_long() -> None:
    """From now on, and for the rest of this process, skip whatever would begin something of that kind."""
    requirements.DONE_WITHOUT.add("shared")
    sys.addaudithook(_skip_at)


def _skip_at(event: str, arguments: tuple[Any, ...]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # no test runs there; a thread that ended so would be waited for
    if event in _STARTS:
        raise pytest.skip.Exception("it starts a process", allow_module_level=True)
    if event == "import" and arguments[0] in _LOADS:
        raise pytest.skip.Exception(f"it loads {arguments[0]}", allow_module_level=True)
