"""`coma doctor`: everything of `checkup`, shown by area, and the problems with the lines that fix them."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.words import count_of, shown
from coma_cli.workbench.checkup.device import ImportsProcess, diagnose_machine
from coma_cli.workbench.checkup.diagnosis import Diagnosis
from coma_cli.workbench.checkup.disk import diagnose_disk
from coma_cli.workbench.checkup.isolation import diagnose_sandbox, diagnose_toolchains
from coma_cli.workbench.checkup.network import HubQuestion, diagnose_keys
from coma_cli.workbench.checkup.packages import diagnose_packages

_MARKS = {"ok": "", "note": "optional", "warning": "WARNING", "error": "BROKEN"}


def diagnose(workspace: Path) -> list[Diagnosis]:
    """Look at everything; imports take a few seconds, in a process that works meanwhile."""
    console.note("Looking at this machine; importing what models need takes some seconds.")
    imports, hub = ImportsProcess.start(), HubQuestion().start()
    try:
        isolation, sandbox = diagnose_sandbox()
        others = [*sandbox, *diagnose_disk(workspace), *diagnose_keys(), *diagnose_toolchains(isolation)]
        packages, machine = list(diagnose_packages()), list(diagnose_machine())
        return [*packages, *machine, *imports.read(), *sorted(others, key=_turn), hub.read()]
    finally:
        imports.close()


def _turn(diagnosis: Diagnosis) -> int:
    return ("sandbox", "toolchains", "disk", "keys").index(diagnosis.area)


def report(diagnoses: Sequence[Diagnosis], *, as_json: bool) -> None:
    """Print what was found.

    Raises:
        CliError: something that coma needs is broken.
    """
    broken = [one for one in diagnoses if one.severity == "error"]
    if as_json:
        console.print_json(_as_json(diagnoses))
    else:
        _show(diagnoses)
    if broken:
        first = broken[0]
        are = "is" if len(broken) == 1 else "are"
        raise CliError(
            f"{count_of(len(broken), 'thing')} that coma needs {are} broken; first {first.name}: {first.found}",
            first.fix or "See the table above.",
        )


def _as_json(diagnoses: Sequence[Diagnosis]) -> dict[str, Any]:
    return {
        "ok": all(one.severity != "error" for one in diagnoses),
        "python": sys.executable,
        "checks": [vars(one) for one in diagnoses],
    }


def _show(diagnoses: Sequence[Diagnosis]) -> None:
    """One table for each area, then the lines that would change something."""
    for area in dict.fromkeys(one.area for one in diagnoses):
        rows = [(one.name, shown(one.found, 500), _MARKS[one.severity]) for one in diagnoses if one.area == area]
        console.print_table(area, ("", "found", ""), rows)
    for title, severities in (("To fix:", ("error", "warning")), ("Optional:", ("note",))):
        lines = list(_lines(diagnoses, severities))
        if lines:
            console.print_line(title)
        for why, line in lines:
            console.print_command(f"  {line}", why=why)


def _lines(diagnoses: Sequence[Diagnosis], severities: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return (
        (shown(f"{one.area}, {one.name}: {one.found}", 200), one.fix)
        for one in diagnoses
        if one.severity in severities and one.fix is not None
    )
