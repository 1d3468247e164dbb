"""What runs in the process of one program: its code, and in split mode the calls requested by its checker.

Nothing here is trusted: the program shares this interpreter and may change all of it. It has one descriptor, and in
split mode it writes values there, never verdicts.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import CodeType, ModuleType
from typing import Any, NoReturn

from coma_cli.sandbox.inside.protocol import control, exceptions, values, wire
from coma_cli.sandbox.inside.protocol.arguments import is_mutable
from coma_cli.sandbox.inside.protocol.iterators import LentIterators
from coma_cli.sandbox.inside.zygotes import plain_comparison

PLAIN_RECURSION_LIMIT = 1000
# Calls between the interpreter's start and a program's function: those of a plain script are one.
FRAMES_ABOVE = 4

# What a program reports about itself; anything else begins with `e` (unreadable) or `f` (failed).
ENDED_WELL, OUT_OF_MEMORY = b"p", b"m"
# The first item of an answer in split mode.
READY, VALUE, RAISED, REFUSED, UNREADABLE, UNLOADED, ITEMS = "ready", "v", "e", "x", "c", "l", "i"
_lent = LentIterators()


def run(mode: int, link: int, text: int, nonce: bytes) -> NoReturn:
    """Read the program's text and run it; the process ends with it."""
    try:
        source, tests = _take(text)
        if mode == control.SPLIT:
            run_split(link, source)
        else:
            word = run_inproc(source, compile_tests(tests)) if mode == control.INPROC else run_self(source)
            os.write(link, nonce + word)
    finally:
        # Skip interpreter shutdown: no exit handlers, no waiting for threads, no destructors.
        os._exit(1)


def _take(text: int) -> tuple[bytes, bytes]:
    """Source and tests; the descriptor is closed."""
    size = os.fstat(text).st_size
    parts, place = [], 0
    while place < size and (part := os.pread(text, size - place, place)):
        parts.append(part)
        place += len(part)
    os.close(text)
    return control.decode_text(b"".join(parts))


def run_split(link: int, source: bytes) -> None:
    """Load the program and answer calls until the checker hangs up; if it can't be loaded, that is the only answer.

    A program that loads sends no message: its checker has sent the first call in the meantime.
    """
    module = fresh_module("program")
    failure = _load(source, module)
    if failure is not None:
        wire.send(link, values.encode(failure))
    else:
        _serve(link, module.__dict__)


def _load(source: bytes, module: ModuleType) -> list[Any] | None:
    try:
        code = _compile(source, "<program>")
    except MemoryError:
        return [UNLOADED, "MemoryError", ""]
    except BaseException as error:
        return [UNREADABLE, type(error).__name__, exceptions.message_of(error)]
    try:
        exec(code, module.__dict__)  # noqa: S102 - what this module is for
    except BaseException as error:
        return [UNLOADED, *exceptions.pack(error)[:2]]
    return None


def run_inproc(source: bytes, tests: CodeType) -> bytes:
    """Run program and tests in one interpreter; the answer comes from the program, which may forge it."""
    module = fresh_module("program")
    word = _run_to_end(source, module)
    module.__dict__[plain_comparison.NAME] = plain_comparison.compare
    return _execute(tests, module) if word == ENDED_WELL else word


def run_self(source: bytes) -> bytes:
    """Run a whole script as `__main__`; exiting with status 0 counts as completion."""
    return _run_to_end(source, fresh_module("__main__"), exit_is_end=True)


def compile_tests(tests: bytes) -> CodeType:
    """Compile trusted tests; if they are not valid Python, return code that raises the error when run."""
    try:
        return _compile(tests, "<tests>")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return _compile(f"raise SyntaxError({f'the tests cannot run: {error}'!r})".encode(), "<tests>")


def _compile(text: bytes, name: str) -> CodeType:
    return compile(text.decode("utf-8", "surrogatepass"), name, "exec", dont_inherit=True)


def fresh_module(name: str) -> ModuleType:
    """An empty module registered under its name, as dataclasses and typing require."""
    module = ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module


def _run_to_end(source: bytes, module: ModuleType, exit_is_end: bool = False) -> bytes:
    """Run a program and report how it ended: well, unreadable, out of memory, or failed with a message."""
    try:
        code = _compile(source, "<program>")
    except MemoryError:
        return OUT_OF_MEMORY
    except BaseException as error:
        return b"e" + _describe(error)
    return _execute(code, module, exit_is_end)


def _execute(code: CodeType, module: ModuleType, exit_is_end: bool = False) -> bytes:
    try:
        exec(code, module.__dict__)  # noqa: S102 - what this module is for
    except MemoryError:
        return OUT_OF_MEMORY
    except SystemExit as error:
        return ENDED_WELL if exit_is_end and error.code in (None, 0) else b"f" + _describe(error)
    except BaseException as error:
        return b"f" + _describe(error)
    return ENDED_WELL


def _serve(link: int, names: dict[str, Any]) -> None:
    reader = wire.Reader(link, wire.PROGRAM_FRAME_MAX)
    while True:
        try:
            request = reader.receive()
        except wire.GoneError:
            return
        wire.send(link, _encode(_call(names, request)))


def _call(names: dict[str, Any], request: bytes) -> list[Any]:
    """Answer one request: a name, arguments, and keywords if any; an empty request asks whether the program loaded.

    Without a name it asks for the next items of an iterator that was returned: its number, and how many.
    """
    parts = values.decode(request)
    if not parts:
        return [READY]
    name, arguments = parts[0], parts[1]
    if name is None:
        return _items(arguments, parts[2])
    if name not in names:
        return [RAISED, "NameError", f"name {name!r} is not defined"]
    try:
        answer = [VALUE, names[name](*arguments, **parts[2]) if len(parts) > 2 else names[name](*arguments)]
    except BaseException as error:
        return [RAISED, *exceptions.pack(error)]
    if any(map(is_mutable, arguments)) or len(parts) > 2:
        _add_changes(answer, request, parts)
    return answer


def _items(number: int, count: int) -> list[Any]:
    items, ended, error = _lent.take(number, count)
    return [ITEMS, items, ended, *([] if error is None else [exceptions.pack(error)])]


def _add_changes(answer: list[Any], request: bytes, parts: list[Any]) -> None:
    """Return the arguments as well if the call changed them, unless they can no longer be sent."""
    try:
        if values.encode(parts) != request:
            answer += parts[1:]
    except values.CrossingError:
        pass


def _encode(answer: list[Any]) -> bytes:
    try:
        return values.encode(answer)
    except values.CrossingError as error:
        return values.encode([REFUSED, str(error)])
    except MemoryError:
        return values.encode([RAISED, "MemoryError", ""])


def _describe(error: BaseException) -> bytes:
    message = exceptions.message_of(error)
    text = f"{type(error).__name__[:60]}: {message}" if message else type(error).__name__[:60]
    return text.encode("utf-8", "backslashreplace")[:390]


def warm_up() -> None:
    """Run once, before the first fork, what every program runs, so that forks don't have to copy the pages it touches.

    The interpreter specializes its bytecode, fills attribute caches and interns names; otherwise each process would do
    this again, in its own pages.
    """
    values.lend_iterators(_lent.lend)
    for _ in range(20):
        module = fresh_module("program")
        _load(_SAMPLE, module)
        for request in (["total", [[1, 2.5, 3], "a"]], ["label", ["x", {"k": (1, 2)}], {}], ["missing", []]):
            values.decode(_encode(_call(module.__dict__, values.encode(request))))
    del sys.modules["program"]


_SAMPLE = b"""
from typing import Any, Dict, List, Optional, Tuple
import math


def total(numbers: List[float], name: str) -> float:
    \"\"\" Sum of the numbers.
    >>> total([1, 2], 'a')
    3
    \"\"\"
    result = 0
    for i, number in enumerate(sorted(numbers)):
        if number % 2 == 0 and i > 0:
            result += int(math.floor(number)) * len(name)
        else:
            result += number
    return result


def label(name: str, table: Dict[str, Tuple[int, int]]) -> Optional[str]:
    parts = [str(x) + name.upper() for pair in table.values() for x in pair if x]
    return ','.join(parts) if parts else None
"""
