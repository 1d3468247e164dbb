"""Decides which zygotes a program needs, from its text and limits alone."""

from coma_cli.sandbox.contract import Limits, Program
from coma_cli.sandbox.launch import PairKind
from coma_cli.sandbox.packages import ImportablePackages


def kind_of(program: Program, limits: Limits, importable: ImportablePackages) -> PairKind:
    """The kind of zygotes a program needs; ones with those installed packages that it or its tests import."""
    inproc = program.mode == "inproc" and program.tests is not None
    packages: tuple[str, ...] = ()
    checker_packages: tuple[str, ...] = ()
    if importable.site:
        tests = (program.tests or "", program.prelude)
        packages = importable.needed_by(program.source, *(tests if inproc else ()))
        if not inproc:
            # A program may return values of numpy: the checker has to be able to read them.
            values = ("import numpy",) if packages and importable.bring_numpy(packages) else ()
            checker_packages = importable.needed_by(*tests, *values)
    return PairKind(
        inproc=inproc,
        packages=packages,
        checker_packages=checker_packages,
        allow_fork=limits.allow_fork,
        memory_mb=limits.memory_mb,
    )
