"""`coma settings`: every key with type, default and meaning, as a page, as JSON and as a YAML file."""

import json
import os
import subprocess
import sys

import pytest

from coma_cli.pipeline import PIPELINE
from coma_cli.settings import load_settings, setting_keys
from coma_cli.stage import settings_of

COMMANDS = [row.command for row in PIPELINE]


def coma_settings(*arguments: str, width: int = 80) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "coma_cli", "settings", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(width)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_has_every_key_with_its_meaning_and_fits(command, width):
    shown = coma_settings(command, width=width)
    assert all(len(line) <= width for line in shown.splitlines())
    flat = " ".join(shown.split())
    for key in setting_keys(settings_of(command)):
        assert f"{key.name} {key.kind} {key.meaning}" in flat
        if key.default_text:
            assert f"[default: {key.default_text}" in flat


@pytest.mark.parametrize("command", COMMANDS)
def test_the_yaml_is_a_settings_file_of_all_defaults(command, tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(coma_settings(command, "--yaml"))
    model = settings_of(command)
    assert load_settings(model, config=path) == model()
    leaves = [key.name.rpartition(".")[2] for key in setting_keys(model)]
    blocks = {f"{key.name.partition('.')[0]}:" for key in setting_keys(model) if "." in key.name}
    lines = [line for line in path.read_text().splitlines() if "#" not in line[:3] and line.rstrip() not in blocks]
    written = [line.strip().partition(":")[0] for line in lines]
    assert [name for name in written if name in leaves] == leaves


@pytest.mark.parametrize("command", COMMANDS)
def test_json_has_what_the_fields_declare(command):
    shown = json.loads(coma_settings(command, "--json"))
    assert shown["command"] == command
    keys = setting_keys(settings_of(command))
    assert [entry["key"] for entry in shown["settings"]] == [key.name for key in keys]
    for entry, key in zip(shown["settings"], keys, strict=True):
        assert entry["meaning"] == key.meaning
        assert entry["type"] == key.kind
        assert entry["default_means"] == key.default_text


def test_json_names_the_options_that_are_shown():
    shown = {entry["key"]: entry for entry in json.loads(coma_settings("score", "--json"))["settings"]}
    assert shown["k"]["options"] == ["-k", "--k"]
    assert shown["runtime.i_know"]["options"] == ["--allow-unsafe"]
    assert shown["runtime.strict_references"]["options"] == ["--strict-references"]
    assert shown["memory_mb"]["default"] is None and shown["memory_mb"]["default_means"] == "the benchmark's"
    assert shown["timeout_s"]["default"] is None


@pytest.mark.parametrize("command", ["run", "settings"])
def test_a_command_without_settings_is_known_as_one(command):
    done = subprocess.run(
        [sys.executable, "-m", "coma_cli", "settings", command], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == f"Error: `{command}` has no settings.\nHint: coma {command} --help\n"


@pytest.mark.parametrize(("command", "key"), [("sample", "bench"), ("score", "bench")])
def test_a_benchmark_is_named_in_any_case(command, key):
    assert load_settings(settings_of(command), flags={key: "HumanEval"}).bench == "humaneval"
    assert load_settings(settings_of(command), flags={key: "MBPP+"}).bench == "mbpp+"
