"""Running untrusted Python fast and safely, without root, with the standard library alone."""

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
