"""How every command runs: what a finished run answers with, and what it does not need for that."""

import json
import subprocess
import sys

import pytest

from coma_cli.commands.execute import execute
from coma_cli.commands.options import Shared
from coma_cli.errors import UsageError
from coma_cli.workspace import Workspace
from tests.requirements import package
from tests.tiny_model import make_tiny_model

FLAGS = {"limit": 1, "max_new_tokens": 4, "temperature": "0"}


@pytest.fixture
def sampled(tmp_path, capsys):
    """The flags of a sample run that is finished in `tmp_path / "w"`, and its summary."""
    package("torch", "train")
    flags = {**FLAGS, "model": str(make_tiny_model(tmp_path / "model", layers=1))}
    execute("sample", Shared(workspace=tmp_path / "w", json=True), flags)
    return flags, json.loads(capsys.readouterr().out)


def test_a_finished_run_answers_without_the_libraries_that_made_it(tmp_path, sampled):
    flags, summary = sampled
    script = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'tokenizers', 'peft'])  # importing one now fails\n"
        "from coma_cli.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    options = ["--model", flags["model"], "--limit", "1", "--max-new-tokens", "4", "--temperature", "0"]
    command = [sys.executable, "-c", script, "sample", *options, "--workspace", str(tmp_path / "w"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Already done" in done.stderr
    assert json.loads(done.stdout) == summary


def test_a_finished_run_answers_where_nothing_can_be_written(tmp_path, sampled, monkeypatch, capsys):
    flags, summary = sampled
    refusal = UsageError("The workspace can't be written to.", "Choose another.")
    monkeypatch.setattr(Workspace, "blocker", lambda self, command: refusal)
    shared = Shared(workspace=tmp_path / "w", json=True)
    execute("sample", shared, flags)
    assert json.loads(capsys.readouterr().out) == summary
    with pytest.raises(UsageError, match="can't be written"):
        execute("sample", shared, {**flags, "n": 2, "temperature": "0.5"})


def test_a_clock_that_was_set_back_is_noticed(tmp_path, sampled, capsys):
    flags, _ = sampled
    manifest = next((tmp_path / "w" / "sample").glob("*/manifest.json"))
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "finished": "2199-01-01T00:00:00.000000+00:00"}))
    execute("sample", Shared(workspace=tmp_path / "w", json=True), {**flags, "max_new_tokens": 3})
    assert "The clock was set back" in capsys.readouterr().err
    manifest.write_text(json.dumps(content))
    execute("sample", Shared(workspace=tmp_path / "w", json=True), {**flags, "max_new_tokens": 2})
    assert "set back:" not in capsys.readouterr().err


def test_a_larger_extent_other_settings_and_force_are_no_finished_run(tmp_path, sampled, capsys):
    flags, _ = sampled
    shared = Shared(workspace=tmp_path / "w", json=True)
    execute("sample", shared, {**flags, "limit": 2})
    assert json.loads(capsys.readouterr().out)["samples_this_start"] == 1
    execute("sample", shared, {**flags, "max_new_tokens": 3})
    assert json.loads(capsys.readouterr().out)["samples_this_start"] == 1
    execute("sample", Shared(workspace=tmp_path / "w", json=True, force=True), {**flags, "limit": 2})
    assert json.loads(capsys.readouterr().out)["samples_this_start"] == 2
    assert len(Workspace(tmp_path / "w").finished("sample")) == 2
