"""Running untrusted Python fast and safely, without root, with the standard library alone.

    supervisor ─ one event loop; data, clocks, verdicts; trusts nothing from below
      └ pair, one a worker ┬ warden ─ candidate zygote (pid 1 of its namespaces) ─ one fork a program
                           └ checker (other namespaces): the tests, which call the program over a socket

What it stops, at level `ns`: reading or writing files outside, network, other processes, secrets of the environment,
forged verdicts (in split mode), anything left behind for the next program, endless loops, sleeps, memory, output and
process floods. What it does NOT stop: bugs of the kernel; a program that answers wrongly and is never asked about it;
in `inproc` mode, a program that tampers with its own tests. `Isolation.lost` lists what a lower level gives up.
"""

from coma_cli.sandbox.contract import (
    Limits,
    Outcome,
    Program,
    SandboxError,
    SandboxUnavailable,
)
from coma_cli.sandbox.isolation import Isolation, probe_isolation
from coma_cli.sandbox.machine import default_workers
from coma_cli.sandbox.supervisor import Sandbox

__all__ = [
    "Isolation",
    "Limits",
    "Outcome",
    "Program",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "default_workers",
    "probe_isolation",
]
