"""Builds training data by the stage itself, and reads what came out."""

import json
from pathlib import Path
from typing import Any

from coma_cli.dataset import build_data
from coma_cli.jsonl import JsonRow, read_rows
from coma_cli.records import Example
from coma_cli.settings import load_settings
from coma_cli.workspace import Artifact, Workspace

VERBS = ("load", "store", "scale", "merge", "split", "trim")
NOUNS = ("picture", "table", "window", "signal", "record")
FILES = (
    "train.jsonl",
    "validation.jsonl",
    "dropped.jsonl",
    "contamination.jsonl",
    "pending.jsonl",
    "CoMIT.json",
    "README.md",
)


def codealpaca_source(folder: Path) -> Path:
    """A folder of sources with forty rows of CodeAlpaca; that folder."""
    verbs = ("load", "store", "scale", "merge", "split", "trim", "turn", "lift")
    rows = [
        {
            "instruction": f"Write a function that {verb}s every {noun} of a list.",
            "input": "",
            "output": f"def {verb}_{noun}(parts):\n    return [part.{verb}({n}) for part in parts]",
        }
        for n, verb in enumerate(verbs)
        for noun in ("picture", "table", "window", "signal", "record")
    ]
    (folder / "codealpaca").mkdir(parents=True)
    (folder / "codealpaca" / "code_alpaca_20k.json").write_text(json.dumps(rows))
    return folder


def build(root: Path, *, workers: int = 1, name: str | None = None, force: bool = False, **flags: Any) -> Artifact:
    """Run the stage as the command does; the finished artifact. `flags` are settings, with `__` for the dot.

    The functions of the rows are not run, which takes a second or two, unless the flags say so.
    """
    flags = {"decontaminate_behaviour": "off", **flags}
    flags = {key.replace("__", "."): value for key, value in flags.items()}
    settings = load_settings(build_data.STAGE.settings, flags={**flags, "runtime.workers": workers})
    workspace = Workspace(root)
    plan = build_data.plan(settings, workspace)
    with workspace.open_run("build-data", settings, plan, name=name, force=force) as run:
        if not run.done:
            run.finish(build_data.work(run, settings, plan))
    return workspace.require_newest("build-data")


def rows_of(artifact: Artifact, name: str = "train.jsonl") -> list[JsonRow]:
    """The rows of one of its files."""
    return list(read_rows(artifact.path / name))


def all_rows(artifact: Artifact) -> list[Example]:
    """The rows for training and those for validation."""
    return [Example.from_row(row, "") for name in FILES[:2] for row in rows_of(artifact, name)]


def function(verb, noun, number):
    """A function whose operators say its number, so that it is no copy of another one in other names."""
    first, second, third = ("+-*/"[number >> place & 3] for place in (0, 2, 4))
    return (
        f"def {verb}_{noun}(self, {noun}, factor={number}):\n"
        f'    """{verb.capitalize()} a {noun} and give back how often that was needed.\n\n'
        f'    :param {noun}: it\n    """\n'
        f"    count = self.{verb}(len({noun}), factor)\n    for part in {noun}.parts:\n"
        f"        count += self.{verb}_part(part, {noun})\n"
        f"    return count {first} {number} {second} factor {third} {number}\n"
    )


def contents(artifact):
    return {name: (artifact.path / name).read_bytes() for name in FILES}
