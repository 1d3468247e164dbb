"""Running untrusted Python fast and safely, without root, with the standard library alone.

    supervisor ─ one event loop; data, clocks, verdicts; trusts nothing from below
      └ pair, one a worker ┬ warden ─ candidate zygote (pid 1 of its namespaces) ─ one fork a program
                           └ checker (other namespaces): the tests, which call the program over a socket

A program with trusted tests is judged by them; one without (`tests=None`) by whether it comes to its end, which is how
training programs that bring their own asserts are proven:

    with Sandbox(limits=Limits(cpu_s=2)) as sandbox:
        for outcome in sandbox.run(Program(key, source, tests=None) for key, source in sources):
            ...  # outcome.key, outcome.verdict == "pass", outcome.detail, outcome.trust == "self"

Such a script runs as `__main__` in an empty directory, with no input and no network. It passes if it runs to its end or
leaves by `sys.exit(0)`; an exception, another status or `os._exit` fail it; text that is no Python is an `error`. One
outcome comes for each program, whatever it does, in order of completion.

What it stops, at level `ns`: reading or writing files outside, network, other processes, secrets of the environment,
forged verdicts (in split mode), anything left behind for the next program, endless loops, sleeps, memory, output and
process floods. What it does NOT stop: bugs of the kernel; a program that answers wrongly and is never asked about it;
in `inproc` mode, a program that tampers with its own tests. `Isolation.lost` lists what a lower level gives up.
"""

from coma_cli.parallel.machine import default_workers
from coma_cli.sandbox.contract import (
    Limits,
    Outcome,
    Program,
    SandboxError,
    SandboxUnavailable,
)
from coma_cli.sandbox.levels import Isolation, begin_probing, probe_isolation
from coma_cli.sandbox.supervisor import Sandbox

__all__ = [
    "Isolation",
    "Limits",
    "Outcome",
    "Program",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "begin_probing",
    "default_workers",
    "probe_isolation",
]
