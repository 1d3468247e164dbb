from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from coma_cli.flags import Flag, Kind, Unset
from coma_cli.pipeline import PIPELINE
from coma_cli.settings import StageSettings, all_keys, setting_keys
from coma_cli.settings.keys import blocks, kind_of, plain_type
from coma_cli.stage import settings_of

RANK = Flag("--rank")


class Block(BaseModel):
    """A block of two.

    With more to say.
    """

    rank: Annotated[int, RANK] = Field(default=8, description="Rank")
    place: Annotated[Path | None, Unset("nowhere")] = None


class Settings(StageSettings):
    names: Annotated[tuple[str, ...], Kind("NAME,..."), Unset("all")] = Field(default=(), description="Names")
    block: Block = Block(rank=4)
    rate: float | None = None
    on: bool = True


def test_keys_are_listed_with_dots_plain_ones_first_and_the_runtime_last():
    assert [key.name for key in setting_keys(Settings)] == ["seed", "names", "rate", "on", "block.rank", "block.place"]
    assert {"block", "block.rank", "runtime", "seed"} <= set(all_keys(Settings))


def test_a_key_has_what_its_field_declares():
    keys = {key.name: key for key in setting_keys(Settings)}
    rank = keys["block.rank"]
    assert (rank.value_type, rank.default, rank.meaning, rank.kind) == (int, 4, "Rank", "INT")
    assert rank.flags == (RANK,)
    assert rank.block == "block"
    assert (keys["names"].kind, keys["names"].default_text) == ("NAME,...", "all")
    assert (keys["block.place"].kind, keys["block.place"].default_text) == ("PATH", "nowhere")
    assert (keys["rate"].kind, keys["rate"].default_text) == ("FLOAT", "")
    assert (keys["on"].kind, keys["on"].default_text) == ("true|false", "true")


def test_blocks_are_described_by_their_first_line():
    assert blocks(Settings)["block"] == "A block of two"


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, "INT"),
        (float | None, "FLOAT"),
        (str, "TEXT"),
        (Path, "PATH"),
        (Literal["a", "b"] | None, "a|b"),
        (int | Literal["paper"], "INT|paper"),
        (tuple[Annotated[int, Field(ge=1)], ...], "INT,..."),
        (list[Path] | None, "PATH,..."),
        (dict[str, str], "TEXT=TEXT"),
    ],
)
def test_a_type_is_named_for_a_person(annotation, kind):
    assert kind_of(plain_type(annotation)) == kind


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_setting_says_what_it_means_in_one_line_without_a_full_stop(row):
    for key in setting_keys(settings_of(row.command)):
        assert key.meaning, key.name
        assert key.meaning[0].isupper(), key.name
        assert not key.meaning.endswith("."), key.name
        assert "\n" not in key.meaning
        assert "<" not in key.kind


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_block_of_a_command_is_described(row):
    assert all(blocks(settings_of(row.command)).values())
