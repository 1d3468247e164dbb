"""Run a recipe: the commands of a YAML file one after another in one workspace.

A recipe has nothing that could not be typed: every step is a `coma` command line, printed before it runs in a process
of its own. A step that is finished already takes a second, so a recipe that was killed is resumed by running it again.
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from coma_cli import console
from coma_cli.errors import CliError, UsageError, unknown_name
from coma_cli.pipeline import PIPELINE
from coma_cli.shipped import find_file
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace import Workspace


class Step(BaseModel):
    """One command of a recipe; `name` is its run's name, `{workspace}` in an option stands for the workspace's path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    name: str
    options: str = ""

    @field_validator("command")
    @classmethod
    def _is_known(cls, command: str) -> str:
        known = [row.command for row in PIPELINE]
        if command not in known:
            raise ValueError(unknown_name("command", command, known).message)
        return command

    def arguments(self, workspace: Path) -> list[str]:
        """The arguments after `coma` on the command line."""
        options = [word.replace("{workspace}", str(workspace)) for word in shlex.split(self.options)]
        return [self.command, *options, "--name", self.name, "--workspace", str(workspace)]


class Recipe(BaseModel):
    """A named sequence of steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    steps: tuple[Step, ...] = Field(min_length=1)


class StepFailedError(CliError):
    """A step of a recipe ended with an exit code other than 0, which becomes that of the recipe."""

    def __init__(self, step: Step, exit_code: int) -> None:
        super().__init__(
            f"coma {step.command} failed; see its message above.", "Fix it and rerun; rerun the same command to resume."
        )
        self.exit_code = exit_code


def read_recipe(name: str) -> Recipe:
    """The recipe in a YAML file, or the one of that name that comes with coma.

    Raises:
        MissingInputError: no such file or recipe. UsageError: it is not a recipe; all its mistakes are named.
    """
    path = find_file("recipes", "recipe", name)
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}.", "Fix that line.") from None
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(
            f"{path} is not a recipe: {mistakes}.", "See configs/recipes/quickstart.yaml for one."
        ) from None


def show_steps(recipe: Recipe, workspace: Path) -> None:
    """Print each step's command line, and whether a finished run of its name is there, without running anything.

    A finished run of other settings or inputs counts as done here; the step itself would refuse it.
    """
    runs = Workspace(workspace)
    for number, step in enumerate(recipe.steps, start=1):
        done = step.name in runs.run_names(step.command)
        begun = step.name in runs.unfinished(step.command)
        state = "done" if done else "unfinished, would be resumed" if begun else "to do"
        line = f"coma {shlex.join(step.arguments(workspace))}"
        console.stdout().print(f"[{number}/{len(recipe.steps)}] {state}: {line}", markup=False, soft_wrap=True)


def run_recipe(recipe: Recipe, workspace: Path) -> list[StepReport]:
    """Run every step and return their results.

    Raises:
        StepFailedError: a step failed; the steps before it are finished and kept.
    """
    return [_run_step(step, number, len(recipe.steps), workspace) for number, step in enumerate(recipe.steps, start=1)]


def _run_step(step: Step, number: int, total: int, workspace: Path) -> StepReport:
    arguments = step.arguments(workspace)
    console.note(f"\n[{number}/{total}] coma {shlex.join(arguments)}")
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "coma_cli", *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise StepFailedError(step, done.returncode)
    artifact = next(a for a in Workspace(workspace).finished(step.command) if a.name == step.name)
    return StepReport(step.command, step.name, artifact.summary, time.monotonic() - began, artifact.path)
