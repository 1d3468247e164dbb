import pytest

from coma_cli.pipeline import PIPELINE, next_command
from coma_cli.stage import Stage, settings_of, stage_of


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_every_command_has_its_stage_with_its_settings(row):
    stage = stage_of(row.command)
    assert isinstance(stage, Stage)
    assert stage.settings is settings_of(row.command)


def test_what_is_optional_is_there_where_the_command_needs_it():
    names = ("identify", "preview", "check", "publish", "assist")
    optional = {row.command: {name for name in names if vars(stage_of(row.command))[name]} for row in PIPELINE}
    assert optional == {
        "build-data": {"preview", "publish"},
        "gen-instructions": {"preview"},
        "finetune": {"identify", "preview", "publish", "assist"},
        "merge-lora": {"publish"},
        "sample": {"identify", "assist"},
        "score": {"check"},
    }


def test_an_unknown_command_is_a_bug():
    with pytest.raises(StopIteration):
        stage_of("smaple")


@pytest.mark.parametrize(
    ("command", "following"),
    [
        ("build-data", "finetune"),
        ("gen-instructions", "finetune"),
        ("finetune", "merge-lora"),
        ("merge-lora", "sample"),
        ("sample", "score"),
        ("score", None),
    ],
)
def test_each_command_knows_the_next_one(command, following):
    assert next_command(command) == following


@pytest.mark.parametrize(("mode", "following"), [("lora", "merge-lora"), ("qlora", "merge-lora"), ("full", "sample")])
def test_a_whole_model_is_not_merged(mode, following):
    stage = stage_of("finetune")
    assert stage.followed_by is not None
    assert stage.followed_by({"mode": mode}) == following
