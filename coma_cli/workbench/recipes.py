"""Runs a recipe: the commands of a YAML file one after another in one workspace, then prints a table of the results.

Every step of a recipe is an ordinary `coma` command line, printed before it runs in its own process. A step that is
already finished takes a second, so an interrupted recipe resumes when rerun.

    python -m coma_cli.workbench.recipes configs/recipes/quickstart.yaml --workspace workspace/quickstart
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from coma_cli import console
from coma_cli.errors import INTERRUPTED_EXIT_CODE, CliError, MissingInputError, UsageError, unknown_name
from coma_cli.pipeline import PIPELINE
from coma_cli.workbench.overview import StepReport, show_overview
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
    """A step of a recipe ended with a non-zero exit code, which becomes the recipe's own."""

    def __init__(self, step: Step, exit_code: int) -> None:
        super().__init__(f"coma {step.command} failed; see its message above.", "Fix it and rerun the recipe.")
        self.step_exit_code = exit_code


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file.

    Raises:
        MissingInputError: no such file. UsageError: it is not a valid recipe; the error lists all problems.
    """
    if not path.is_file():
        raise MissingInputError(f"The recipe {path} does not exist.", "See configs/recipes/.")
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}.", "Fix the recipe.") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"{path} is not a recipe: {faults}.", "See configs/recipes/quickstart.yaml.") from None


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
    return StepReport(step.command, step.name, artifact.summary, time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(_command)
    sys.exit(_exit_code(app, arguments))


def _command(
    recipe: Annotated[Path, typer.Argument(help="YAML file of steps.")],
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="Folder of runs.")] = Path("workspace"),
) -> None:
    """Run a recipe and show its results."""
    read = read_recipe(recipe)
    show_overview(read.title, run_recipe(read, workspace))


def _exit_code(app: typer.Typer, arguments: Sequence[str] | None) -> Any:
    try:
        return app(args=arguments, standalone_mode=False) or 0
    except StepFailedError as error:
        console.show_error(error.message, error.hint)
        return error.step_exit_code
    except CliError as error:
        console.show_error(error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        console.show_error("Interrupted; finished steps are kept.", "Rerun the same command to resume.")
        return INTERRUPTED_EXIT_CODE


if __name__ == "__main__":
    main()
