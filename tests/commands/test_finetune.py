"""Options in the spelling of the two published systems."""

import json

import pytest

from coma_cli.jsonl import write_rows
from tests.support.command import run_coma
from tests.training.foreign_files import CAPYBARA, COMA

DRY = ("--dry-run", "--json", "--for-device", "8xa100-80g")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", [{"instruction": "Add.", "output": "a + b"} for _ in range(4)])
    (tmp_path / "args.json").write_text(json.dumps(COMA))
    (tmp_path / "config.yml").write_text(CAPYBARA)
    return tmp_path


@pytest.mark.parametrize("option", ["--config", "--train_args_file"])
def test_comas_file_runs_and_options_come_before_it(folder, capsys, option):
    assert run_coma(["finetune", option, "args.json", "--lora-r", "8", *DRY]) == 0
    done = capsys.readouterr()
    planned = json.loads(done.out)["settings"]
    assert (planned["lora"]["r"], planned["lora"]["alpha"], planned["template"]) == (8, 16, "firefly")
    assert "Read args.json as CoMA's configuration" in done.err and "not used: report_to" in done.err


def test_codecapybaras_file_takes_its_model_type(folder, capsys):
    given = ["finetune", "--config", "config.yml", "--data", "rows.jsonl", "--model-type", "fine-tuning"]
    assert run_coma([*given, *DRY]) == 0
    planned = json.loads(capsys.readouterr().out)["settings"]
    assert (planned["mode"], planned["optimizer"]["max_grad_norm"]) == ("full", 0)
    assert run_coma([*given, "--qlora", *DRY]) == 2
    assert "--model-type fine-tuning and --qlora exclude each other" in capsys.readouterr().err


def test_two_files_exclude_each_other_and_one_that_is_not_there_is_named(folder, capsys):
    assert run_coma(["finetune", "--config", "args.json", "--train_args_file", "args.json"]) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert run_coma(["finetune", "--lora_config", "gone.json"]) == 3
    assert "no configuration file gone.json" in capsys.readouterr().err
