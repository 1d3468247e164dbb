"""A command's options are found out late: what is not asked for is not imported, and a shell can complete all of it."""

import json
import os
import subprocess
import sys

import pytest

from coma_cli.cli import command_tree
from coma_cli.pipeline import PIPELINE

HEAVY = ("torch", "transformers", "numpy", "scipy", "openai", "jinja2", "matplotlib", "rich")


def imported_by(*arguments: str) -> set[str]:
    script = (
        "import sys\n"
        "from coma_cli.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60)
    assert "Usage:" in done.stdout, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_help_of_a_command_imports_its_settings_and_no_other_command(row):
    loaded = imported_by(row.command, "--help")
    assert not loaded & set(HEAVY)
    assert row.settings.partition(":")[0] in loaded
    assert not loaded & {other.module for other in PIPELINE}


def test_the_list_of_commands_needs_no_settings():
    assert "coma_cli.settings" not in imported_by("--help")


def complete(line: str, folder, **environment) -> list[str]:
    words = line.split(" ")
    asked = {"_COMA_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "coma_cli"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **asked, **environment},
        timeout=60,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("coma fine", ["finetune"]),
        ("coma sample --bench mb", ["mbpp", "mbpp-sanitized", "mbpp+"]),
        ("coma score --bench humaneval", ["humaneval", "humaneval+"]),
        ("coma finetune --base qwen-", ["qwen-7b", "qwen-7b-original"]),
        ("coma sample --model smollm2-1", ["smollm2-135m", "smollm2-1.7b"]),
        ("coma finetune --template c", ["chat", "capybara", "chatml"]),
        ("coma score --protocol default,co", ["default,coma-stop", "default,codex-stop"]),
        ("coma score --isolation ", ["auto", "ns", "landlock", "none"]),
        ("coma build-data --tasks cl", ["clone-detection", "cloze-test"]),
        ("coma build-data --source mb", ["mbpp="]),
        ("coma build-data --decontaminate ", ["on", "off"]),
        ("coma gen-instructions --engine ", ["transformers", "vllm", "openai"]),
        ("coma score --allow-u", ["--allow-unsafe"]),
        ("coma score --i-k", []),
        ("coma sample --config g", ["greedy"]),
        ("coma run q", ["quickstart", "qwen-7b-original"]),
        ("coma settings s", ["sample", "score"]),
    ],
)
def test_names_are_completed(line, offered, tmp_path):
    assert complete(line, tmp_path) == offered


def test_runs_of_the_workspace_are_completed(tmp_path):
    for name in ("sample/one", "sample/other", "finetune/tuned", "merge-lora/merged"):
        (tmp_path / "w" / name).mkdir(parents=True)
        (tmp_path / "w" / name / "manifest.json").write_text(json.dumps({}))
    (tmp_path / "w" / "sample" / "unfinished").mkdir()
    assert complete("coma score -w w --samples o", tmp_path) == ["one", "other"]
    assert complete("coma score --samples ", tmp_path, COMA_WORKSPACE="w") == ["one", "other"]
    assert complete("coma merge-lora -w w --adapter ", tmp_path) == ["tuned"]
    assert complete("coma sample -w w --model m", tmp_path) == ["merged"]
    assert complete("coma score --samples ", tmp_path) == []


@pytest.mark.parametrize("row", PIPELINE, ids=lambda row: row.command)
def test_a_command_is_whole_for_whoever_documents_it(row):
    command = command_tree().commands[row.command]
    shown = command.get_help(command.make_context(row.command, []))
    assert shown.startswith(f"Usage: {row.command} [OPTIONS]")
    assert f"Example: coma {row.command} " in shown
    assert shown.endswith(f"coma settings {row.command}")
