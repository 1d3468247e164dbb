"""Fixtures for the sandbox tests: the folder of hostile cases, and sandboxes that start once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxUnavailable
from tests.requirements import SHARED, skip_unless


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sandbox-cases DIR`: any folder with `cases.jsonl` and `tasks.jsonl` of the documented form."""
    parser.addoption("--sandbox-cases", type=Path, default=None, help="folder of hostile programs to run")


@pytest.fixture(scope="session")
def cases_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of hostile programs, or a skip."""
    folder: Path = pytestconfig.getoption("--sandbox-cases", default=None) or SHARED / "sandbox-cases"
    skip_unless("shared", (folder / "cases.jsonl").is_file(), f"there is no {folder}/cases.jsonl")
    return folder.resolve()


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """One sandbox at level `ns`, shared by all tests without special needs."""
    try:
        sandbox = Sandbox(limits=Limits(cpu_s=2.0, wall_s=5.0), workers=2, isolation="ns")
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))
        raise
    with sandbox:
        yield sandbox


class Runner:
    """Runs one program and returns its outcome."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def script(self, source: str, **fields: object) -> Outcome:
        """A script that judges itself."""
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
