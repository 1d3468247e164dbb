"""Help at the widths that terminals have: nothing is cut off, switches have no value, and values are named."""

import os
import re
import subprocess
import sys

import pytest

from coma_cli.cli import command_tree
from coma_cli.commands.help_pages import paragraphs

COMMANDS = list(command_tree().commands)


def help_at(width: int, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "coma_cli", *arguments, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(width)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def words_of(command: str) -> list[str]:
    """All that a command's help has to say, word by word."""
    known = command_tree().commands[command]
    options = [p for p in known.get_params(known.make_context(command, [], resilient_parsing=True)) if not p.hidden]
    texts = [*paragraphs(known.help), *(option.help.removesuffix(".") for option in options)]
    names = [name for option in options if option.param_type_name == "option" for name in option.opts]
    return [word for text in (*texts, *names) for word in text.split()]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_the_terminal_and_leaves_nothing_out(command, width):
    shown = help_at(width, command)
    assert all(len(line) <= width for line in shown.splitlines())
    assert "…" not in shown
    assert "..." not in re.sub(r"[A-Za-z],\.\.\.", "", shown)  # a list's value is NAME,...
    missing = [word for word in words_of(command) if word not in re.split(r"[\s,]+", shown) and word not in shown]
    assert not missing


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_of_commands_has_their_whole_first_sentences(width):
    shown = help_at(width)
    assert all(len(line) <= width for line in shown.splitlines())
    flat = " ".join(shown.split())
    for name, command in command_tree().commands.items():
        assert f"{name} {paragraphs(command.help)[0].removesuffix('.')}" in flat


@pytest.mark.parametrize("command", COMMANDS)
def test_values_are_named_by_what_they_are(command):
    shown = help_at(100, command)
    assert not re.search(r"<\w+>", shown)
    assert not re.search(r"^\s+(?:--(?:force|dry-run|json|explain|lora)) +[A-Z]{2,}", shown, re.MULTILINE)


def test_names_with_hyphens_are_not_broken():
    for width in range(60, 100):
        known = command_tree().commands["score"]
        context = known.make_context("score", [], terminal_width=width)
        assert not re.search(r"\w-$", known.get_help(context), re.MULTILINE)


def test_options_have_their_panels_and_the_shared_ones_come_last():
    shown = help_at(80, "sample")
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert titles == ["Benchmark and model", "Sampling", "Execution", "Model server", "Shared options"]
    shared = shown.partition("Shared options:")[2]
    for option in ("--workspace", "--name", "--force", "--dry-run", "--json", "--seed", "--config", "--set", "--help"):
        assert option in shared
