"""The YAML files of `configs/`: found by name in a checkout and in a wheel, and each one fits its command."""

import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

from coma_cli.errors import MissingInputError
from coma_cli.pipeline import PIPELINE
from coma_cli.settings import load_settings
from coma_cli.shipped import configs_folder, find_file, shipped
from coma_cli.stage import settings_of
from tests.requirements import ROOT

COMMANDS = [row.command for row in PIPELINE]
CONFIGS = [
    pytest.param(command, path, id=f"{command}/{name}")
    for command in COMMANDS
    for name, path in shipped(command).items()
]


def test_every_folder_of_configs_is_a_command_or_the_recipes():
    assert {path.name for path in (ROOT / "configs").iterdir()} == {*COMMANDS, "recipes"}
    assert len(list((ROOT / "configs").rglob("*"))) == len(CONFIGS) + len(shipped("recipes")) + len(COMMANDS) + 1


@pytest.mark.parametrize(("command", "path"), CONFIGS)
def test_a_config_fits_its_command_and_begins_with_its_command_line(command, path):
    load_settings(settings_of(command), config=path)
    head = path.read_text(encoding="utf-8")
    assert re.search(rf"^# +coma {command} --config configs/{command}/{path.name}", head, re.MULTILINE)


def test_the_folder_inside_a_package_comes_before_that_of_a_checkout(tmp_path):
    package = tmp_path / "coma_cli"
    package.mkdir()
    assert configs_folder(package) == tmp_path / "configs"
    (package / "configs").mkdir()
    assert configs_folder(package) == package / "configs"


def test_a_file_is_found_by_path_or_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_file("score", "settings file", "mbpp") == shipped("score")["mbpp"]
    (tmp_path / "mbpp").write_text("")
    assert find_file("score", "settings file", "mbpp").resolve() == tmp_path / "mbpp"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(MissingInputError) as caught:
        find_file("score", "settings file", "mbp")
    assert caught.value.message == "There is no settings file mbp. Did you mean mbpp?"
    assert caught.value.hint == "Give a file, or one of: humaneval, humaneval-plus, mbpp"


def test_the_build_puts_configs_into_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {"configs": "coma_cli/configs"}


@pytest.mark.network  # the build backend is fetched
def test_a_wheel_has_every_config(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "-w", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
    assert {f"coma_cli/{name}" for name in here} <= inside
