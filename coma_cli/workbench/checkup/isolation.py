"""The sandbox: the best level that this machine permits, what it stops, what it gives up, and the toolchains in it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from coma_cli.sandbox import (
    InheritedLimitError,
    Isolation,
    Limits,
    SandboxError,
    SandboxUnavailable,
    check_inherited,
    default_workers,
    probe_isolation,
)
from coma_cli.sandbox.toolchains import LANGUAGES_RUN, Toolchain, find_toolchain, is_readable
from coma_cli.words import shortened
from coma_cli.workbench.checkup.diagnosis import Diagnosis

AREA, TOOLCHAINS = "sandbox", "toolchains"
_SYSCTL = Path("/proc/sys")
# What denies user namespaces, by the file that says so: the value that denies, and the line that permits them.
_DENIALS = (
    ("kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
)
_LIMIT = re.compile(r"\(ulimit -(\w)\), and the sandbox needs (\d+)")
_IN_KIB = "vdsf"  # the options of bash's ulimit that count KiB, where the messages count MiB
_ELSEWHERE = "Use a machine or container that permits user namespaces."
# Of Debian and Ubuntu.
_PACKAGES = {
    "javascript": "nodejs",
    "java": "default-jdk-headless",
    "c": "gcc libc6-dev",
    "cpp": "g++",
    "go": "golang-go",
    "ruby": "ruby",
    "php": "php-cli",
    "rust": "rustc",
}


def diagnose_sandbox(
    probe: Callable[[], Isolation] = probe_isolation, sysctl: Path = _SYSCTL
) -> tuple[Isolation | None, list[Diagnosis]]:
    """The isolation that `score` would use, None if there is none; and what is to be said of it."""
    found = list(_limits())
    try:
        isolation = probe()
    except (SandboxUnavailable, SandboxError) as error:
        fix = _permitting(sysctl) or f"{_ELSEWHERE} Landlock (Linux 5.13) will do too."
        found.append(
            Diagnosis(AREA, "level", "error", f"programs can't be isolated: {shortened(str(error), 400)}", fix)
        )
        return None, found
    data = {"level": isolation.level, "on": list(isolation.on), "lost": list(isolation.lost)}
    if isolation.level == "ns":
        found.append(Diagnosis(AREA, "level", "ok", "ns, the best one", data=data))
    else:
        why = f": {'; '.join(isolation.refused)}" if isolation.refused else ""
        told = f"{isolation.level}; ns is not possible{shortened(why, 300)}"
        found.append(Diagnosis(AREA, "level", "warning", told, _permitting(sysctl) or _ELSEWHERE, data))
    found.append(Diagnosis(AREA, "what stops programs", "ok", "; ".join(isolation.on)))
    if isolation.lost:
        found.append(Diagnosis(AREA, "what is not stopped", "note", "; ".join(isolation.lost)))
    return isolation, found


def _limits() -> Iterator[Diagnosis]:
    """Limits of the shell that are too low for it."""
    try:
        check_inherited(Limits(), default_workers())
    except (InheritedLimitError, SandboxError) as error:
        yield Diagnosis(AREA, "limits", "error", str(error), raising_line(str(error)))


def raising_line(message: str) -> str | None:
    """The line that raises the limit which a message of `check_inherited` names; None if it names none."""
    found = _LIMIT.search(message)
    if found is None:
        return None
    needed = int(found[2]) * (1024 if found[1] in _IN_KIB else 1)
    return f"ulimit -S -{found[1]} {needed}"


def _permitting(sysctl: Path) -> str | None:
    """The line that permits user namespaces, where a setting of the kernel denies them."""
    for name, denied, line in _DENIALS:
        try:
            value = (sysctl / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if value == denied:
            return line
    return None


def diagnose_toolchains(
    isolation: Isolation | None, find: Callable[[str], Toolchain | None] = find_toolchain
) -> Iterator[Diagnosis]:
    """The toolchains of other languages, which only tasks and benchmarks in these languages need."""
    found = {language: find(language) for language in LANGUAGES_RUN}
    there = {language: chain for language, chain in found.items() if chain is not None}
    if there:
        told = ", ".join(f"{language} ({chain.version})" for language, chain in there.items())
        versions = {language: chain.version for language, chain in there.items()}
        yield Diagnosis(TOOLCHAINS, "installed", "ok", told, data=versions)
    for language, chain in there.items():
        if isolation is not None and not is_readable(chain, isolation.level):
            why = "programs can't read it: it is in a folder of root, which is closed to them at this level"
            yield Diagnosis(TOOLCHAINS, language, "warning", why, f"sudo apt-get install {_PACKAGES[language]}")
    absent = [language for language in found if language not in there]
    if absent:
        line = f"sudo apt-get install {' '.join(_PACKAGES[language] for language in absent)}"
        yield Diagnosis(TOOLCHAINS, "not installed", "note", ", ".join(absent), line, absent)
