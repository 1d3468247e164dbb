import pytest

from coma_cli.catalog.tasks import TASKS
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.errors import UsageError
from coma_cli.settings import load_settings
from tests.requirements import ROOT

CONFIGS = sorted((ROOT / "configs" / "build-data").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_shipped_settings_are_settings(path):
    settings = load_settings(BuildDataSettings, config=path)
    assert settings.chosen_tasks()
    assert path.read_text().startswith(f"# coma build-data --config configs/build-data/{path.name}")


def test_there_are_shipped_settings():
    assert len(CONFIGS) >= 2


def test_places_and_workers_are_no_part_of_a_runs_identity():
    one = load_settings(BuildDataSettings, flags={"from_repo": ["a"], "sources": "b", "runtime.workers": 3})
    assert one.identity() == load_settings(BuildDataSettings, flags={"source": {"mbpp": "x"}}).identity()


def test_spellings_of_the_same_choice_are_one_identity():
    one = load_settings(BuildDataSettings, flags={"lang": ["cn", "en"], "tasks": ["all"]})
    names = sorted(TASKS)
    assert one.identity() == load_settings(BuildDataSettings, flags={"tasks": names}).identity()


@pytest.mark.parametrize("tasks", ["", ",", "  "])
def test_no_task_is_an_error(tasks):
    with pytest.raises(UsageError, match="names no task"):
        load_settings(BuildDataSettings, assignments=[f"tasks='{tasks}'"]).chosen_tasks()


@pytest.mark.parametrize(
    "flags",
    [{"validation_share": 1.0}, {"validation_share": -0.1}, {"size": 0}, {"lang": ["de"]}, {"cleaning.max_char": 3}],
)
def test_values_out_of_range_are_errors(flags):
    with pytest.raises(UsageError):
        load_settings(BuildDataSettings, flags=flags)


def test_the_limits_of_cleaning_take_the_languages_asked_for():
    settings = load_settings(BuildDataSettings, flags={"lang": ["cn"], "cleaning.max_words": 5})
    assert (settings.rules.text_languages, settings.rules.max_words) == (("cn", "en"), 5)


def test_english_rows_are_read_where_chinese_ones_are_requested_from_them():
    read = {
        lang: load_settings(BuildDataSettings, flags={"lang": [lang]}).rules.text_languages for lang in ("cn", "en")
    }
    assert read == {"cn": ("cn", "en"), "en": ("en",)}


@pytest.mark.parametrize(
    ("flags", "table_only"),
    [({}, False), ({"per_task": 3}, False), ({"size": 9}, True), ({"size": "paper"}, True), ({"mix": "comit"}, True)],
)
def test_a_size_or_a_named_mixture_keeps_to_its_table(flags, table_only):
    settings = load_settings(BuildDataSettings, flags=flags)
    assert settings.table_only is table_only and settings.mixture.name == "comit"
