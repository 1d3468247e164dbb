"""What would run next in a workspace, as lines to type: for unfinished runs, those not yet used, and stale ones."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.pipeline import next_command
from coma_cli.workbench.states import JudgedRun, JudgedWorkspace

# How each command is told what to read.
_READS_BY = {"finetune": "--data", "merge-lora": "--adapter", "sample": "--model", "score": "--samples"}
_WORKSPACE_OPTIONS = ("-w", "--workspace")
_ASKS_NOBODY = ("--force", "--json", "--dry-run")  # never part of a line that resumes a run


@dataclass(frozen=True)
class NextLine:
    """A line to type, the run that it is about, and why."""

    line: str
    run: str | None
    why: str


def next_lines(workspace: JudgedWorkspace, told: Path | None) -> list[NextLine]:
    """What would run next, the most useful first; `told` is the --workspace to repeat, None for the default."""
    if not workspace.runs:
        return [NextLine(f"coma run quickstart{_option(told)}", None, "there are no runs yet")]
    latest_first = sorted(workspace.runs, key=lambda run: run.age_from, reverse=True)
    return [
        *(line for run in latest_first if run.state == "broken" for line in _again(workspace, run, told)),
        *(line for run in latest_first if run.state == "done" for line in _onwards(workspace, run, told)),
        *(line for run in workspace.runs if run.state == "stale" for line in _again(workspace, run, told)),
    ]


def _onwards(workspace: JudgedWorkspace, run: JudgedRun, told: Path | None) -> Iterator[NextLine]:
    """The command that reads a run which nothing was made from yet."""
    if workspace.made_from_it.get(run.title):
        return
    command = _follower(run)
    if command is not None:
        line = f"coma {command} {_READS_BY[command]} {typed(run.run.name)}{_option(told)}"
        yield NextLine(line, run.title, f"nothing was made from {run.title} yet")


def _follower(run: JudgedRun) -> str | None:
    """The command that comes after a run, as the stages say it themselves (`Stage.followed_by`)."""
    outputs = run.run.artifact.manifest["outputs"] if run.run.artifact else {}
    if run.run.command == "finetune" and "adapter" not in outputs:
        return "sample"  # all weights were tuned: there is nothing to merge
    if run.run.command == "sample" and run.run.summary.get("bench") == "prompts":
        return None  # answers to a user's own instructions are not scored
    return next_command(run.run.command)


def _again(workspace: JudgedWorkspace, run: JudgedRun, told: Path | None) -> Iterator[NextLine]:
    """The command line that made a run, to resume it or to make it again."""
    why = f"{run.title} is {run.state}: {run.reasons[0]}" if run.reasons else f"{run.title} is {run.state}"
    words = _typed_before(run)
    resumes = not run.is_finished and run.run.flaw is None
    if words is None:
        if resumes:
            yield NextLine(f"coma {run.run.command} (the same options again){_option(told)}", run.title, why)
        return
    # A run of that name is there already, of other inputs or with broken files.
    named = any(re.fullmatch(r"--name(=.*)?", word) for word in words)
    force = ["--force"] if not resumes and (named or run.state == "broken") else []
    line = " ".join(typed(_moved(workspace, word)) for word in [*words, *force])
    yield NextLine(f"coma {line}{_option(told)}", run.title, why)


def _moved(workspace: JudgedWorkspace, word: str) -> str:
    """A path into the workspace as it is now, wherever the workspace was when the word was typed."""
    place = workspace.places.place_of(word) if "/" in word else None
    if place is None or not (workspace.root / place.command / place.name).is_dir():
        return word
    return os.fspath(workspace.root / place.command / place.name / place.within)


def _typed_before(run: JudgedRun) -> list[str] | None:
    """What followed `coma` when a run was last begun, without its workspace; None if that is not known."""
    recorded = run.run.stated.get("command_line") or run.run.header.get("command_line")
    if not isinstance(recorded, list) or not all(isinstance(word, str) for word in recorded):
        return None
    if run.run.command not in recorded[1:]:
        return None
    words = recorded[recorded.index(run.run.command, 1) :]
    return list(_without_options(words))


def _without_options(words: Sequence[str]) -> Iterator[str]:
    """Words without the workspace, which may have been moved, and without what would discard the run."""
    is_value = False
    for word in words:
        if is_value or word in _ASKS_NOBODY or word.startswith("--workspace="):
            is_value = False
        elif word in _WORKSPACE_OPTIONS:
            is_value = True
        elif not (word.startswith("-w") and not word.startswith("--")):
            yield word


def _option(told: Path | None) -> str:
    return "" if told is None else f" -w {typed(os.fspath(told))}"


def typed(word: str) -> str:
    """A word as a shell has to be given it; control characters are written as escapes that bash and zsh read."""
    if word.isprintable():
        return shlex.quote(word)
    escaped = "".join(_escaped(character) for character in word)
    return f"$'{escaped}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
