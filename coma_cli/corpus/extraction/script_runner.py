"""Runs a script once per text that it reads from standard input; goes into the sandbox in front of the script.

It shares the interpreter with the script, which may change all of it, so nothing here is trusted: it only passes on
what was written. Expected outputs never come here.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import os
import sys
from collections.abc import Callable
from types import CodeType, ModuleType

_FIRST_FREE = 3  # after the standard streams
_READ_AT_ONCE = 1 << 20
_FRAMES_ABOVE = 4  # between a plain call of a function and the script's own first frame
_BUILT_IN = {"exit": sys.exit, "quit": sys.exit, **vars(builtins)}  # the sandbox starts without `site`, which has these
_RECURSION_LIMIT = sys.getrecursionlimit()


def script_of(text: str) -> Callable[[str], str]:
    """A function from standard input to standard output of a script.

    Raises:
        SyntaxError: it is not Python.
    """
    code = compile(text, "<program>", "exec", dont_inherit=True)
    return lambda given: _output(code, given)


def _output(code: CodeType, given: str) -> str:
    """What the script writes, run as `__main__` in a namespace of its own; its exception, if it ends in one.

    Input and output are real files, since scripts read descriptor 0 and write 1 too. As at the end of an interpreter,
    threads are waited for and exit handlers run. An exit with a status other than 0 is raised, as a runtime error.
    """
    written = _nameless("coma-output")
    _fill(_nameless("coma-input", at=0), given.encode("utf-8", "surrogatepass"))
    os.dup2(written, 1)
    _renew_interpreter()
    ours = sys.stdout
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    try:
        _run(code, module)
        _finish()
        for stream in (sys.stdout, ours):
            with contextlib.suppress(AttributeError, ValueError):  # not a stream any more, or closed
                stream.flush()
        return _content(written)
    finally:
        os.close(written)
        module.__dict__.clear()  # functions refer to it, so that its values would stay
        gc.collect()  # a file object of this run must not close a descriptor of the next one


def _nameless(name: str, at: int | None = None) -> int:
    """A descriptor of an empty file that has no name any more; moved to `at` if given."""
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.unlink(name)  # noqa: PTH108 - a plain name: nothing more is imported than a script needs
    taken = []
    while fd < _FIRST_FREE:  # the script has closed a standard stream
        taken.append(fd)
        fd = os.dup(fd)
    if at is not None:
        os.dup2(fd, at)
        taken.append(fd)
        fd = at
    for other in taken:
        if other != fd:
            os.close(other)
    return fd


def _fill(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)


def _content(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, _READ_AT_ONCE):
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def _renew_interpreter() -> None:
    """Undo what the run before may have replaced, as far as scripts usually do."""
    names = vars(builtins)
    names.clear()
    names.update(_BUILT_IN)
    atexit._clear()
    sys.setrecursionlimit(_RECURSION_LIMIT + _FRAMES_ABOVE)
    sys.argv = ["program.py"]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _run(code: CodeType, module: ModuleType) -> None:
    try:
        exec(code, module.__dict__)  # noqa: S102 - what this module is for
    except SystemExit as error:
        if error.code not in (None, 0):
            raise


def _finish() -> None:
    """Wait for threads and run exit handlers."""
    threading = sys.modules.get("threading")
    if threading is not None:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
    atexit._run_exitfuncs()
