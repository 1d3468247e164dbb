import pytest
from pydantic import ValidationError

from coma_cli.settings import MOST_SEED, Device, PushToHub, Runtime, StageSettings, Workers, load_settings
from tests.requirements import package


class Machine(Runtime):
    workers: Workers = None
    device: Device = "auto"


class Settings(StageSettings):
    EXTENT = frozenset({"n"})
    n: int = 1
    runtime: Machine = Machine()


def test_identity_leaves_out_runtime_and_extent():
    settings = load_settings(Settings, assignments=["runtime.workers=3", "n=9"])
    assert settings.identity() == Settings().identity()
    assert settings.extent() == {"n": 9}
    assert load_settings(Settings, assignments=["seed=1"]).identity() != Settings().identity()


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:3"])
def test_devices_that_torch_knows_are_taken(device):
    assert Machine(device=device).device == device


@pytest.mark.parametrize(
    "values",
    [{"device": "gpu"}, {"device": "cuda:"}, {"workers": 0}, {"threads": 1}],
    ids=["gpu", "no number", "no worker", "unknown"],
)
def test_what_is_not_a_runtime_is_refused(values):
    with pytest.raises(ValidationError):
        Machine(**values)


@pytest.mark.parametrize("seed", [-1, MOST_SEED + 1])
def test_seeds_fit_into_32_bits(seed):
    with pytest.raises(ValidationError):
        Settings(seed=seed)


class Pushed(StageSettings):
    push_to_hub: PushToHub = None


def test_names_of_repositories_are_those_that_the_hub_takes():
    """As its own client has them, which says so with every name that is refused."""
    package("huggingface_hub")
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    for name in ("ada/rows", "ada/my.rows-1_x", "a/b", f"lab/{'x' * 96}"):
        validate_repo_id(name)
        assert Pushed(push_to_hub=name).push_to_hub == name
    for name in (
        "ada/a--b",
        "ada/a..b",
        "ada/rows-",
        "ada/.rows",
        "ada/x.git",
        "-ada/x",
        "a/b/c",
        "ada/a b",
        f"lab/{'x' * 97}",
    ):
        with pytest.raises(HFValidationError):
            validate_repo_id(name)
        with pytest.raises(ValidationError, match="give OWNER/NAME"):
            Pushed(push_to_hub=name)
    for name in ("rows", "", "ada/数据", "https://huggingface.co/ada/rows"):
        with pytest.raises(ValidationError, match="give OWNER/NAME"):
            Pushed(push_to_hub=name)
