"""Runs untrusted Python quickly and safely, without root, using only the standard library.

    supervisor ─ one event loop; data, clocks, verdicts; trusts none of its children
      └ pair, one per worker ┬ reaper ─ candidate zygote (pid 1 of its namespaces) ─ one fork per program
                             └ checker (other namespaces): the tests, which call the program over a socket

A program with trusted tests is judged by them; one without (`tests=None`) by whether it runs to completion, which
is how training programs with their own assertions are verified:

    with Sandbox(limits=Limits(cpu_s=2)) as sandbox:
        for outcome in sandbox.run(Program(key, source, tests=None) for key, source in sources):
            ...  # outcome.key, outcome.verdict == "pass", outcome.detail, outcome.trust == "self"

Such a script runs as `__main__` in an empty directory, with no input and no network. It passes if it runs to completion
or calls `sys.exit(0)`; it fails on an exception, another exit status or `os._exit`; text that is not Python is an
`error`. Every program gets exactly one outcome, in order of completion.

What it stops, at level `ns`: reading or writing files outside, network, other processes, secrets in the environment,
forged verdicts (in split mode), leftovers for the next program, endless loops, sleeps, and floods of memory, output and
processes. What it does NOT stop: kernel bugs; a program with wrong answers that the tests don't cover; in `inproc`
mode, a program that tampers with its own tests. `Isolation.lost` lists what a lower level gives up.
"""

from coma_cli.parallel.machine import default_workers
from coma_cli.sandbox.caller import check_inherited
from coma_cli.sandbox.contract import (
    InheritedLimitError,
    Limits,
    Outcome,
    Program,
    SandboxError,
    SandboxUnavailable,
)
from coma_cli.sandbox.levels import Isolation, begin_probing, probe_isolation
from coma_cli.sandbox.supervisor import Sandbox

__all__ = [
    "InheritedLimitError",
    "Isolation",
    "Limits",
    "Outcome",
    "Program",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "begin_probing",
    "check_inherited",
    "default_workers",
    "probe_isolation",
]
