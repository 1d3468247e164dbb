"""Fixtures for all tests: caches of their own, no keys, no network endpoints from the outside."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from coma_cli.sandbox import Isolation, probe_isolation
from tests.evaluation.score_command import Coma
from tests.requirements import package
from tests.support import fast
from tests.support.command import PASSIVE_WAITING
from tests.tiny_model import make_tiny_model
from tests.warm_coma import WarmComa

os.environ.setdefault(*PASSIVE_WAITING)  # before any test loads torch
# A busy machine is no falsified property.
settings.register_profile("coma", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=400)  # for `make soak`
settings.load_profile("coma")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sandbox-cases DIR`: any folder with `cases.jsonl` and `tasks.jsonl` of the form of ../shared/sandbox-cases."""
    parser.addoption("--sandbox-cases", type=Path, metavar="DIR", help="folder of hostile programs to run")
    parser.addoption("--fast", action="store_true", help="skip what starts processes, loads torch or reads ../shared")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """With `--fast`, tests are stopped where they would begin something that takes long; pytest-xdist is started."""
    config = session.config
    starts_workers = config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput")
    if config.getoption("--fast") and not starts_workers:
        fast.skip_what_takes_long()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name byte contents by their argument: packed bytes carry the time, and the two test processes must agree.

    Long texts too: one of a megabyte would be the test's name.
    """
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 200) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first, so that both processes end together; those that share what is dear to start in one of them.

    Those of Ray are slow and come last: a cluster that waits for work takes a tenth of two cores.
    """
    for item in items:
        shared = {"warm_coma", "ray"} & set(getattr(item, "fixturenames", ()))
        for name in shared:
            item.add_marker(pytest.mark.xdist_group(name))
        if "ray" in shared:
            item.add_marker(pytest.mark.slow)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
    if "ray" in groups:
        return 2
    return 0 if groups or item.get_closest_marker("slow") else 1


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embedded models are unpacked: empty at first, and the same for both test processes."""
    own = tmp_path_factory.getbasetemp()
    together = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return together / "coma-cache"


@pytest.fixture(scope="session")
def warm_coma(model_cache: Path) -> Iterator[WarmComa]:
    """A process that has torch and transformers loaded and becomes one command after the other."""
    package("torch", "train")
    with WarmComa(model_cache) as server:
        yield server


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Llama, called `tiny`; not to be changed."""
    package("peft", "train")
    return make_tiny_model(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    """The best way to isolate programs that this machine has."""
    return probe_isolation("auto")


@pytest.fixture
def coma(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Coma:
    """`coma score` in a workspace of its own; for any command there is `tests.support.command`."""
    return Coma(tmp_path, capsys)


@pytest.fixture(scope="session")
def ray() -> Iterator[ModuleType]:
    """A cluster of two cores on this machine."""
    package("ray")
    import ray

    ray.init(num_cpus=2, logging_level="error", log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, model_cache: Path) -> None:
    """No test sees the user's keys, workspace or cache."""
    monkeypatch.setenv("COMA_CACHE", str(model_cache))
    for name in ("OPENAI_API_KEY", "OPENAI_ORG", "HF_TOKEN", "COMA_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workspace_root(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    return tmp_path / "workspace"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Groups must reach the scheduler: pytest-xdist 3.8 marks their names where pytest 9.2 no longer looks."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", default=False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("This pytest-xdist can't group tests with this pytest; constraints.txt names a pair.")
