"""Whole programs without tests, by the package's public names alone: did this one come to a good end?"""

import coma_cli.sandbox as public
from coma_cli.sandbox import Limits, Program, Sandbox

ASSERTS = """
from dataclasses import dataclass

@dataclass
class Point:
    x: int

def double(point):
    return Point(2 * point.x)

if __name__ == "__main__":
    import os
    open("notes.txt", "w").write("kept for as long as this runs")
    assert os.listdir() == ["notes.txt"]
    assert double(Point(2)) == Point({answer})
"""
ENDS = {
    "its asserts hold": (ASSERTS.replace("{answer}", "4"), "pass", ""),
    "its asserts do not": (ASSERTS.replace("{answer}", "5"), "fail", "AssertionError"),
    "nothing at all": ("", "pass", ""),
    "status 0": ("import sys\nsys.exit(0)\n", "pass", ""),
    "no status": ("raise SystemExit\n", "pass", ""),
    "status 3": ("import sys\nsys.exit(3)\n", "fail", "SystemExit: 3"),
    "a message as status": ("raise SystemExit('all is well')\n", "fail", "SystemExit: all is well"),
    "an exception": ("{}['k']\n", "fail", "KeyError: 'k'"),
    "gone without its end": ("import os\nos._exit(0)\n", "fail", "exited early"),
    "a hard crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "error", "SIGSEGV"),
    "no Python": ("def f(:\n", "error", "SyntaxError"),
    "a NUL byte": ("x = 1\0\n", "error", "null bytes"),
    "asks for input": ("input()\n", "fail", "EOFError"),
    "never ends": ("while True: pass\n", "timeout", "CPU time"),
    "takes all memory": ("x = bytearray(1 << 40)\n", "memory", "memory"),
    "starts a process": ("import subprocess\nsubprocess.run(['true'])\n", "fail", "Error"),
    "says that it passed": ("print('pass')\nraise ValueError\n", "fail", "ValueError"),
}


def test_every_way_to_end_has_its_verdict_and_its_reason() -> None:
    programs = (Program(key, source, tests=None) for key, (source, _, _) in ENDS.items())
    with Sandbox(limits=Limits(cpu_s=0.5, memory_mb=256), workers=2) as sandbox:
        outcomes = {outcome.key: outcome for outcome in sandbox.run(programs)}
    assert {key: outcome.verdict for key, outcome in outcomes.items()} == {
        key: verdict for key, (_, verdict, _) in ENDS.items()
    }
    for key, (_, _, words) in ENDS.items():
        assert words in outcomes[key].detail, outcomes[key]
    assert {outcome.trust for outcome in outcomes.values()} == {"self"}


def test_limits_of_one_program_come_before_those_of_the_sandbox() -> None:
    source = "import time\nwhile time.process_time() < 0.3: pass\n"
    with Sandbox(limits=Limits(cpu_s=0.1), workers=1) as sandbox:
        short, long = sorted(
            sandbox.run([Program("short", source, None), Program("long", source, None, limits=Limits(cpu_s=5))]),
            key=lambda outcome: outcome.key,
            reverse=True,
        )
    assert (short.verdict, long.verdict) == ("timeout", "pass")


def test_what_the_package_offers() -> None:
    assert set(public.__all__) == {
        "InheritedLimitError",
        "Isolation",
        "Limits",
        "Outcome",
        "Program",
        "Sandbox",
        "SandboxError",
        "SandboxUnavailable",
        "default_workers",
        "begin_probing",
        "check_inherited",
        "probe_isolation",
    }
    assert all(hasattr(public, name) for name in public.__all__)
