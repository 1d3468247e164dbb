"""How several processes share the work, and what is refused with several of them."""

import pytest

from coma_cli.parallel.ranks import ProcessRank
from coma_cli.settings import load_settings
from coma_cli.training.distributed import choice
from coma_cli.training.modes import MODES
from coma_cli.training.settings import FinetuneSettings

TWO = ProcessRank(0, 2, 0, 2)


def settings_of(**changes) -> FinetuneSettings:
    return load_settings(FinetuneSettings, flags={name.replace("__", "."): value for name, value in changes.items()})


def refused(rank=TWO, environ=None, **changes) -> list[str]:
    settings = settings_of(**changes)
    found = choice.blockers(settings, MODES[settings.mode], rank, environ or {})
    assert all(error.hint for error in found)
    return [error.message for error in found]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runtime__sharding": "fsdp2", "mode": "int8-lora"}, "8 bits"),
        ({"runtime__sharding": "fsdp2", "mode": "full", "optimizer__name": "paged_adamw_8bit"}, "the moments of paged"),
        ({"runtime__sharding": "fsdp2", "mode": "qlora", "lora__dora": True}, "whole weights"),
        ({"runtime__sharding": "fsdp2", "runtime__deepspeed": "/none.json"}, "exclude each other"),
        ({"runtime__auto_batch": True}, "works with one process"),
        ({"runtime__deepspeed": "/none.json"}, "can't be read"),
    ],
    ids=["int8", "moments", "dora", "both", "auto-batch", "no-file"],
)
def test_what_several_processes_can_not_do_is_refused(changes, said):
    assert any(said in message for message in refused(**changes))


def test_deepspeed_needs_a_launcher_and_its_file_is_given_to_coma():
    assert any("several processes" in message for message in refused(rank=None, runtime__deepspeed="/none.json"))
    (message,) = refused(environ={"ACCELERATE_USE_DEEPSPEED": "true"})
    assert "--use_deepspeed" in message


def test_what_can_be_sharded_is_not_refused():
    for mode in ("lora", "qlora", "full"):
        assert refused(mode=mode, runtime__sharding="fsdp2") == []
    assert refused(lora__dora=True, runtime__sharding="fsdp2") == []
    assert refused(rank=None, runtime__auto_batch=True) == []


def test_accelerate_launch_can_ask_for_sharding_too():
    assert choice.sharding_of(settings_of().runtime, {}) == "none"
    assert choice.sharding_of(settings_of().runtime, {"ACCELERATE_USE_FSDP": "true"}) == "fsdp2"
    assert choice.sharding_of(settings_of(runtime__sharding="fsdp2").runtime, {}) == "fsdp2"


def test_how_the_processes_share_a_step_is_said():
    assert choice.notes(settings_of(), None) == []
    assert "does nothing in one process" in choice.notes(settings_of(runtime__sharding="fsdp2"), None)[0]
    assert choice.notes(settings_of(batch__size=4, batch__accumulation=2), TWO) == [
        "2 processes share the 8 rows of each step."
    ]
    assert "1 of them have no rows" in choice.notes(settings_of(batch__size=1, batch__accumulation=1), TWO)[1]


def test_devices_are_not_part_of_what_identifies_a_run():
    plain, other = settings_of(), settings_of(runtime__sharding="fsdp2")
    assert plain.identity() == other.identity()
