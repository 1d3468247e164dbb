"""Decides which zygotes a program needs, from its text and limits alone."""

import re

from coma_cli.sandbox.contract import Limits, Program
from coma_cli.sandbox.launch import PairKind

_NUMPY = re.compile(r"\bnumpy\b")


def kind_of(program: Program, limits: Limits, site: str) -> PairKind:
    """The kind of zygotes a program needs; ones with installed packages only if a text mentions numpy."""
    inproc = program.mode == "inproc" and program.tests is not None
    if not site:
        return PairKind(inproc, allow_fork=limits.allow_fork, memory_mb=limits.memory_mb)
    tests = (program.tests or "") + program.prelude
    by_tests, by_program = _names_numpy(tests), _names_numpy(program.source)
    return PairKind(
        inproc=inproc,
        site=by_program or (inproc and by_tests),
        checker_site=not inproc and (by_program or by_tests),
        allow_fork=limits.allow_fork,
        memory_mb=limits.memory_mb,
    )


def _names_numpy(text: str) -> bool:
    # The plain search first: it is much faster, and usually enough.
    return "numpy" in text and _NUMPY.search(text) is not None
