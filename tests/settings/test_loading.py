import re

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.settings import Device, Runtime, StageSettings, Workers, load_settings


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    rank: int = 8
    alpha: int = 16


class Machine(Runtime):
    workers: Workers = None
    device: Device = "auto"


class Settings(StageSettings):
    EXTENT = frozenset({"n"})
    n: int = 1
    temperature: float = 0.2
    lora: Block = Block()
    runtime: Machine = Machine()


def test_precedence_is_default_yaml_set_flag(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("n: 2\ntemperature: 0.5\nlora:\n  rank: 4\n  alpha: 1\n")
    settings = load_settings(
        Settings, config=config, assignments=["lora.alpha=2", "temperature=0.6"], flags={"temperature": 0.7, "n": None}
    )
    assert (settings.n, settings.temperature, settings.lora.rank, settings.lora.alpha) == (2, 0.7, 4, 2)


class Either(StageSettings):
    ALTERNATIVES = (frozenset({"epochs", "steps"}), frozenset({"lora.rank", "lora.alpha"}))
    epochs: int | None = None
    steps: int | None = None
    lora: Block = Block()

    @model_validator(mode="after")
    def _one_length(self):
        if self.epochs and self.steps:
            raise ValueError("one of them")
        return self


def test_an_option_replaces_the_alternative_of_a_settings_file(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("epochs: 3\nlora:\n  rank: 4\n")
    by_flag = load_settings(Either, config=config, flags={"steps": 9, "epochs": None})
    assert (by_flag.epochs, by_flag.steps, by_flag.lora.rank) == (None, 9, 4)
    by_set = load_settings(Either, config=config, assignments=["steps=9", "lora.alpha=1"])
    assert (by_set.epochs, by_set.steps, by_set.lora.rank, by_set.lora.alpha) == (None, 9, 8, 1)
    assert load_settings(Either, assignments=["steps=9"], flags={"epochs": 2}).steps is None


def test_two_alternatives_of_one_place_stay_an_error(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("epochs: 3\nsteps: 4\n")
    for given in ({"config": config}, {"flags": {"epochs": 3, "steps": 4}}, {"assignments": ["epochs=3", "steps=4"]}):
        with pytest.raises(UsageError, match="one of them"):
            load_settings(Either, **given)


def test_all_unknown_keys_and_bad_values_are_reported_at_once_with_the_nearest_key(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("temprature: 1\nlora:\n  rnak: 4\nn: many\n")
    with pytest.raises(UsageError) as caught:
        load_settings(Settings, config=config)
    message = caught.value.message
    assert "temprature: unknown key; did you mean temperature?" in message
    assert "lora.rnak: unknown key; did you mean lora.rank?" in message
    assert re.search(r"n: .*integer.*'many'", message)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tn: 1"])
def test_malformed_yaml_names_file_and_line(tmp_path, text):
    config = tmp_path / "broken.yaml"
    config.write_text(text)
    with pytest.raises(UsageError, match=r"broken\.yaml, line \d"):
        load_settings(Settings, config=config)


def test_yaml_is_utf_8_with_or_without_its_mark(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_bytes("n: 7\n".encode("utf-16"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_settings(Settings, config=config)
    config.write_bytes(b"\xef\xbb\xbfn: 7\n")
    assert load_settings(Settings, config=config).n == 7


def test_yaml_that_is_no_mapping_or_absent(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("- 1\n")
    with pytest.raises(UsageError, match="contains a list"):
        load_settings(Settings, config=config)
    with pytest.raises(MissingInputError, match="no settings file"):
        load_settings(Settings, config=tmp_path / "absent.yaml")
    config.write_text("")
    assert load_settings(Settings, config=config) == Settings()


@pytest.mark.parametrize("assignment", ["n", "=1"])
def test_an_assignment_without_name_or_value_is_refused(assignment):
    with pytest.raises(UsageError, match="KEY=VALUE"):
        load_settings(Settings, assignments=[assignment])


def test_a_value_is_not_a_block():
    with pytest.raises(UsageError, match=r"n in n\.x is a value"):
        load_settings(Settings, assignments=["n=1", "n.x=2"])


def test_the_hint_names_the_command_that_lists_all_keys():
    with pytest.raises(UsageError) as caught:
        load_settings(Settings, assignments=["m=1"], command="sample")
    assert caught.value.hint == "coma settings sample lists all keys."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n: 1\nn: 2\n", r"line 2 .*n appears twice"),
        ("lora:\n  rank: 8\n  rank: 4\n", r"line 3 .*rank appears twice"),
        ("n: yes\n", r"n: yes, no, true and false are not valid here"),
        ("lora:\n  alpha: off\n", r"lora\.alpha: .*\(got False\)"),
        ("temperature: .inf\n", r"temperature: .*finite"),
        ("temperature: .nan\n", r"temperature: .*finite"),
        ("seed: 4294967296\n", r"seed: .*less than or equal"),
        ("runtime:\n  device: gpu\n", r"runtime\.device"),
        ("x: " + "[" * 5000, "not valid YAML"),
        ("n: " + "9" * 5000, "not valid YAML"),
    ],
    ids=["twice", "twice inside", "truth", "truth inside", "inf", "nan", "seed", "device", "deep", "huge"],
)
def test_values_that_would_pass_for_others_are_refused(tmp_path, text, message):
    config = tmp_path / "c.yaml"
    config.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_settings(Settings, config=config)


def test_a_yaml_file_may_write_blocks_with_dots_and_merge_anchors(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("lora.rank: 4\nlora.alpha: 2\n")
    assert load_settings(Settings, config=config).lora == Block(rank=4, alpha=2)
    config.write_text("lora: &l {rank: 4}\nruntime:\n  <<: {workers: 3}\n  device: cpu\n")
    assert load_settings(Settings, config=config).runtime.workers == 3


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("lora.ranks", "lora.rank"),
        ("lora.rank_of_it", "lora.rank"),
        ("runtime.alpha", "lora.alpha"),
    ],
)
def test_an_unknown_key_is_looked_for_in_its_block_and_then_everywhere(key, meant):
    with pytest.raises(UsageError, match=f"{key}: unknown key; did you mean {meant}"):
        load_settings(Settings, assignments=[f"{key}=1"])
