"""Fixtures for the sandbox tests: the folder of hostile cases, and sandboxes that start once."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxUnavailable
from tests.requirements import SHARED, skip_unless
from tests.sandbox.cases import CaseFolder, read_folder


@pytest.fixture(scope="session")
def cases_folder(pytestconfig: pytest.Config) -> CaseFolder:
    """The hostile programs of the folder that was named, or the shared ones, or a skip where these are not there."""
    named: Path | None = pytestconfig.getoption("--sandbox-cases")
    folder = named or SHARED / "sandbox-cases"
    skip_unless("shared", named is not None or folder.is_dir(), f"there is no {folder}")
    return read_folder(folder.resolve())


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """One sandbox at level `ns`, shared by all tests without special needs."""
    with ExitStack() as stack:
        try:
            sandbox = stack.enter_context(Sandbox(limits=Limits(cpu_s=2.0, wall_s=5.0), workers=2, isolation="ns"))
        except SandboxUnavailable as error:
            skip_unless("namespaces", False, str(error))
            raise
        yield sandbox


class Runner:
    """Runs one program and returns its outcome."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def script(self, source: str, **fields: object) -> Outcome:
        """a script that is its own test."""
        return self.one(Program("script", source, None, **fields))  # type: ignore[arg-type]

    def call(self, source: str, tests: str, *entry_points: str, **fields: object) -> Outcome:
        """A program and its tests, in split mode."""
        return self.one(Program("call", source, tests, entry_points=entry_points, **fields))  # type: ignore[arg-type]

    def one(self, program: Program) -> Outcome:
        """Any program."""
        (outcome,) = self.sandbox.run([program])
        return outcome


@pytest.fixture
def runner(shared_sandbox: Sandbox) -> Runner:
    """The shared sandbox, one program at a time."""
    return Runner(shared_sandbox)
