"""A small model that the tests of loading and resolving share."""

from pathlib import Path

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Llama, called `tiny`; not to be changed."""
    package("transformers", "train")
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny")
