import pytest

from coma_cli.models.resolution import resolve_base
from coma_cli.settings import load_settings
from coma_cli.training.modes import MODES
from coma_cli.training.rates import default_rate, rate_notes, rate_of
from coma_cli.training.settings import FinetuneSettings


def settings(base: str = "smollm2-135m", mode: str = "lora", rate: float | None = None) -> FinetuneSettings:
    given = {"optimizer.learning_rate": rate} if rate else {}
    return load_settings(FinetuneSettings, flags={"base": base, "mode": mode, **given})


def notes(of: FinetuneSettings) -> str:
    return " ".join(rate_notes(of, resolve_base(of.base)))


@pytest.mark.parametrize(
    ("mode", "parameters", "rate"),
    [
        ("lora", 135e6, 1e-3), ("qlora", 8.2e9, 1e-3), ("int8-lora", 13e9, 3e-4), ("lora", None, 1e-3),
        ("full", 135e6, 1e-4), ("full", 13e9, 3e-5), ("full", None, 1e-4),
    ],
)  # fmt: skip
def test_the_default_depends_on_mode_and_size(mode, parameters, rate):
    assert default_rate(MODES[mode], None if parameters is None else int(parameters)).value == pytest.approx(rate)


def test_a_base_of_the_catalogue_gets_the_rate_of_its_size_and_the_reason_is_said():
    assert rate_of(settings("qwen-7b", "qlora"), resolve_base("qwen-7b")).value == 1e-3
    assert "Learning rate: 0.001 (the default for qlora of a base of 7.72B parameters)" in notes(
        settings("qwen-7b", "qlora")
    )
    assert "Learning rate: 0.0001 (the default for a base of 0.135B parameters: a tenth" in notes(settings(mode="full"))
    assert notes(settings(rate=2e-4)) == "Learning rate: 0.0002 (as set)."


def test_a_folder_of_unknown_shape_counts_as_small(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert rate_of(settings(str(tmp_path)), resolve_base(str(tmp_path))).value == 1e-3
    assert "unknown size" in notes(settings(str(tmp_path)))


@pytest.mark.parametrize(
    ("rate", "mode", "warned"),
    [(1e-5, "lora", True), (1e-5, "qlora", True), (1e-4, "lora", False), (1e-5, "full", False), (None, "lora", False)],
)
def test_a_learning_rate_that_is_low_for_lora_gets_a_warning(rate, mode, warned):
    assert ("ten times the rate of full tuning" in notes(settings(mode=mode, rate=rate))) == warned
