"""Fixtures for all tests: a home of their own, no keys, no network endpoints from the outside."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from coma_cli.cli import PASSIVE_WAITING

os.environ.setdefault(*PASSIVE_WAITING)  # before any test loads torch
# A busy machine is no falsified property.
settings.register_profile("coma", deadline=None)
settings.load_profile("coma")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name byte contents by their argument: packed bytes carry the time, and the two test processes must agree."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first, so that the two test processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's keys or workspace."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG", "HF_TOKEN", "COMA_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workspace_root(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    return tmp_path / "workspace"
