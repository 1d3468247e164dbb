"""The text that runs a Python program in the sandbox and shows over its link which functions ran.

The program runs as `__main__`, in a module with a few functions of ours whose names it can't know beforehand. Trusted
tests in another process call these: they read the counter, call the program's function with generated arguments, run
asserts that were written for it, and report numbers. Nothing that a program prints, returns or exits with counts as a
call. What this does not stop: a program that searches its own interpreter for the counter and raises it.
"""

import marshal
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from keyword import iskeyword
from typing import Any

from coma_cli.instructions.proving.counted import CountedFunction, CountedProgram
from coma_cli.sandbox import Outcome, Program

CALL_S = 0.2  # CPU seconds of one call with generated arguments, or of all asserts
_LONGEST_TEXT = 20_000  # characters of one returned value that are compared

# Runs in the program's process, to which it is handed compiled: compiling it takes longer than most programs run.
# `setting` is what `driven` passes: text, asserts, calls, whether to make all of them, and the counter's name.
_DRIVER = """
def load(names, setting):
    import _signal
    text, asserts, cases, all_cases, counter = setting
    seen = [0]

    class Late(BaseException):
        pass

    def on_time(number, frame):
        raise Late

    def counted():
        seen[0] += 1

    def limited(action):
        _signal.signal(_signal.SIGPROF, on_time)
        _signal.setitimer(_signal.ITIMER_PROF, SECONDS)
        try:
            return "value", plain(action(), 0)[:LONGEST]
        except Late:
            return "late", ""
        except BaseException as error:
            return "raised", type(error).__name__
        finally:
            _signal.setitimer(_signal.ITIMER_PROF, 0)

    def plain(value, depth):
        kind = type(value)
        if kind is float:
            return format(value, ".9g")
        if value is None or kind in (bool, int, str, bytes, complex):
            return repr(value)
        if depth > 12:
            return "..."
        if kind in (list, tuple):
            return "[" + ",".join([plain(item, depth + 1) for item in value]) + "]"
        if kind in (set, frozenset):
            return "{" + ",".join(sorted([plain(item, depth + 1) for item in value])) + "}"
        if isinstance(value, dict):
            pairs = [plain(key, depth + 1) + ":" + plain(item, depth + 1) for key, item in value.items()]
            return "{" + ",".join(sorted(pairs)) + "}"
        if hasattr(value, "__await__"):
            import asyncio
            async def wait():
                return await value
            return plain(asyncio.run(wait()), depth + 1)
        if hasattr(value, "__next__"):
            from itertools import islice
            return plain(list(islice(value, 1000)), depth + 1)
        return kind.__name__ + plain(getattr(value, "__dict__", None), depth + 1)

    def call(path, bound, positional, keywords, made_with):
        owner, *parts = path.split(".")
        found = names[owner]
        for part in parts[:-1]:
            found = getattr(found, part)
        if parts:
            found = getattr(found(*made_with) if bound == "instance" else found, parts[-1])
        return [found(*positional, **keywords), positional, keywords]

    def report():
        by_main, checked, why = seen[0], "-", ""
        if asserts:
            run = compile(asserts, "<asserts>", "exec", dont_inherit=True)
            checked, why = limited(lambda: exec(run, names))
        by_asserts, returned, late, outcomes = seen[0], 0, 0, []
        for case in cases:
            if late > 1 or seen[0] and not all_cases:
                break
            kind, value = limited(lambda: call(*case))
            outcomes.append(case[0] + " " + kind + " " + value)
            returned += kind == "value" and not value.startswith("[None,")
            late += kind == "late"
        return [by_main, by_asserts, seen[0], returned, checked, why, outcomes]

    names[counter] = counted
    names["__name__"] = "__main__"
    import sys
    sys.modules["__main__"] = sys.modules["program"]
    try:
        exec(compile(text, "<program>", "exec", dont_inherit=True), names)
    except MemoryError:
        raise
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    except Exception as error:
        line, trace = 0, error.__traceback__
        while trace is not None:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == "<program>" else line
            trace = trace.tb_next
        raise RuntimeError("line %d: %s: %s" % (line, type(error).__name__, str(error)[:300])) from None
    names["_coma_report"] = report  # last, so that no name of the program's is in its place
"""
_START = """import marshal
exec(marshal.loads({driver!r}), driver := {{}})
driver["load"](globals(), {setting!r})
"""
_ENTRY = "_coma_report"
# The same for all programs, so that it is compiled once.
_TESTS = """
by_main, by_asserts, in_all, returned, checked, why, outcomes = _coma_report()
if not type(by_main) is type(by_asserts) is type(in_all) is type(returned) is int:
    raise TypeError("no numbers")
if type(checked) is not str or type(why) is not str or type(outcomes) is not list:
    raise TypeError("no texts")
stand_in = hash(tuple([text for text in outcomes if type(text) is str]))
raise RuntimeError(f"{by_main} {by_asserts} {in_all} {returned} {checked[:8]} {stand_in} {why[:30]}.")
"""
_REPORT = re.compile(r"RuntimeError: (\d+) (\d+) (\d+) (\d+) (\S+) (-?\d+) ([^.]*)")
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#;]+))", re.MULTILINE)
_LOADING = re.compile(r"while loading: (?:RuntimeError: )?(?:line (\d+): )?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """What was seen of one run: calls of the counted functions by the main part, by the asserts too, and in total.

    `returned`: generated calls that returned something else than None. `checked`: how the asserts ended ("value": they
    passed, "-": there are none), and `why`. `outcome` stands for what all generated calls returned or raised.
    """

    by_main: int
    by_asserts: int
    in_all: int
    returned: int
    checked: str
    outcome: str
    why: str

    @property
    def asserts_pass(self) -> bool:
        """Whether the asserts passed, and called the function."""
        return self.checked == "value" and self.by_asserts > self.by_main


@dataclass(frozen=True)
class DrivenProgram:
    """A program for the sandbox, and how its outcome is read."""

    program: Program
    counted: CountedProgram

    def report(self, outcome: Outcome) -> Report | None:
        """What the tests saw; None if the program did not load, or ended before they were done.

        A detail that begins so is the tests' own: what a program says comes behind other words.
        """
        match = _REPORT.match(outcome.detail) if outcome.verdict == "fail" else None
        if match is None:
            return None
        by_main, by_asserts, in_all, returned = map(int, match.groups()[:4])
        return Report(by_main, by_asserts, in_all, returned, match[5], match[6], match[7].strip())

    def loading_error(self, outcome: Outcome) -> str | None:
        """Why the program did not load, by the line numbers of its author; None if that is not what happened."""
        match = _LOADING.fullmatch(outcome.detail) if outcome.verdict == "fail" else None
        if match is None:
            return None
        return f"line {self.counted.line_before(int(match[1]))}: {match[2]}" if match[1] else match[2]


def name_for_counter() -> str:
    """The name of the counting function in a program's module: another one each time."""
    return f"_{secrets.token_hex(6)}"


def driven(
    key: str,
    program: CountedProgram,
    counter: str,
    *,
    asserts: str = "",
    all_cases: bool = False,
    targets: Sequence[CountedFunction] | None = None,
) -> DrivenProgram:
    """The program with what runs and observes it; `counter` is the name that it was counted by.

    `all_cases`: all generated arguments are tried, not just until one reaches the function. `targets` are the functions
    to call with them, if not the program's own.
    """
    calls = _cases(program.targets if targets is None else targets)
    setting = (program.text, asserts, calls, all_cases, counter)
    source = _imports(program.text, asserts) + _START.format(driver=_compiled(), setting=setting)
    return DrivenProgram(Program(key, source, _TESTS, entry_points=(_ENTRY,)), program)


@cache
def _compiled() -> bytes:
    limits = f"SECONDS, LONGEST = {CALL_S}, {_LONGEST_TEXT}\n"
    # The sandbox runs programs by this interpreter, which reads its own format.
    return marshal.dumps(compile(limits + _DRIVER, "<driver>", "exec", dont_inherit=True))


def _cases(targets: Sequence[CountedFunction]) -> list[tuple[Any, ...]]:
    return [(target.name, target.bound, *case.as_literal()) for target in targets for case in target.cases()]


def _imports(*texts: str) -> str:
    """Statements that are never run, from which the sandbox sees what packages a program within a string imports."""
    names: set[str] = set()
    for text in texts:
        # A search is much faster than a tree; a word too many, from a text within the program, does no harm.
        for module, several in _IMPORT.findall(text):
            parts = (part.split() for part in (module, *several.split(",")))
            names.update(words[0].partition(".")[0] for words in parts if words)
    names = {name for name in names if name.isidentifier() and not iskeyword(name)}
    return f"if 0:\n    import {', '.join(sorted(names))}\n" if names else ""
