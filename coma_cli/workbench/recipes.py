"""Run a recipe: the commands of a YAML file one after another in one workspace.

A recipe has nothing that could not be typed: every step is a `coma` command line, printed before it runs in a process
of its own. A step that is finished already takes a second, so a recipe that was killed is resumed by running it again.

A recipe of published results has two scales: `full` is the publication's, `tiny` the same steps made small. Each
appends options of its own to a step's.
"""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from coma_cli import console
from coma_cli.errors import CliError, UsageError, unknown_name
from coma_cli.pipeline import PIPELINE
from coma_cli.shipped import find_file
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace import Workspace

Scale = Literal["full", "tiny"]
SCALES: tuple[Scale, ...] = get_args(Scale)
_RUN = re.compile(r"\{([a-z-]+):([^}]+)\}")
_TORCHRUN = ("--standalone", "--nproc-per-node", "gpu", "-m", "coma_cli")
_ANY_SPLIT = "--source-splits any"  # what is there is all that a tiny run can have


@dataclass(frozen=True)
class Place:
    """Where and how large a recipe runs; `sources` is a folder of published files, None for the recipe's own data."""

    workspace: Path
    scale: Scale = "full"
    sources: Path | None = None

    def run_name(self, name: str) -> str:
        """The name of a step's run: the two scales of a recipe fit into one workspace."""
        return name if self.scale == "full" else f"{name}-{self.scale}"


class Step(BaseModel):
    """One command of a recipe; `name` is its run's name, `full` and `tiny` are further options at that scale.

    A step with `only` belongs to one scale; one with `torchrun` is started on each GPU of the machine at full scale. In
    an option `{workspace}` stands for the workspace's path, `{COMMAND:NAME}` for the folder of an earlier step's
    run, and `{sources}` for the recipe's options that name the data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    name: str
    options: str = ""
    full: str = ""
    tiny: str = ""
    only: Scale | None = None
    torchrun: bool = False

    @field_validator("command")
    @classmethod
    def _is_known(cls, command: str) -> str:
        known = [row.command for row in PIPELINE]
        if command not in known:
            raise ValueError(unknown_name("command", command, known).message)
        return command

    def arguments(self, place: Place, sources: str = "") -> list[str]:
        """The arguments after `coma` on the command line."""
        given = f"{self.options} {self.tiny if place.scale == 'tiny' else self.full}".replace("{sources}", sources)
        options = [self._filled(word, place) for word in shlex.split(given)]
        return [self.command, *options, "--name", place.run_name(self.name), "--workspace", str(place.workspace)]

    def runs_used(self) -> Iterable[tuple[str, str]]:
        """The earlier steps whose runs its options name, each as command and name."""
        return _RUN.findall(f"{self.options} {self.full} {self.tiny}")

    def _filled(self, word: str, place: Place) -> str:
        word = word.replace("{workspace}", str(place.workspace))
        return _RUN.sub(lambda found: str(place.workspace / found[1] / place.run_name(found[2])), word)


class PublishedFigure(BaseModel):
    """A result that a publication reports, which the step `score` repeats: pass@k in percent by k."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    score: str
    percent: Mapping[int, float] = Field(min_length=1)
    source: str
    withdrawn: bool = False


class Recipe(BaseModel):
    """A named sequence of steps, and what was published of it. `sources` are the data's options by scale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    steps: tuple[Step, ...] = Field(min_length=1)
    sources: Mapping[Scale, str] = {}
    published: tuple[PublishedFigure, ...] = ()

    @model_validator(mode="after")
    def _names_lead_to_steps(self) -> Self:
        before = set[tuple[str, str]]()
        for step in self.steps:
            for command, name in step.runs_used():
                if (command, name) not in before:
                    raise ValueError(f"{step.command} {step.name} names no earlier step: {command}:{name}")
            before.add((step.command, step.name))
        for figure in self.published:
            if ("score", figure.score) not in before:
                raise ValueError(f"the published figure of {figure.model} names no score step: {figure.score}")
        return self

    def arguments(self, step: Step, place: Place) -> list[str]:
        """The arguments of a step after `coma` on the command line."""
        own = self.sources.get(place.scale, "")
        named = "" if place.sources is None else f"--sources {shlex.quote(str(place.sources))} {_ANY_SPLIT}"
        return step.arguments(place, named or own)

    def at(self, scale: Scale) -> "Recipe":
        """The recipe with the steps of one scale."""
        return self._with(tuple(step for step in self.steps if step.only in (None, scale)))

    def only(self, commands: Sequence[str]) -> "Recipe":
        """The recipe with the steps of these commands; what others left is taken as it is.

        Raises:
            UsageError: no step is of one of them.
        """
        known = list(dict.fromkeys(step.command for step in self.steps))
        for command in commands:
            if command not in known:
                raise unknown_name("step", command, known)
        return self._with(tuple(step for step in self.steps if step.command in commands))

    def _with(self, steps: tuple[Step, ...]) -> "Recipe":
        there = {step.name for step in steps if step.command == "score"}
        figures = tuple(figure for figure in self.published if figure.score in there)
        return self.model_copy(update={"steps": steps, "published": figures})


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


def show_steps(recipe: Recipe, place: Place) -> None:
    """Print each step's command line, and whether a finished run of its name is there, without running anything.

    A finished run of other settings or inputs counts as done here; the step itself would refuse it.
    """
    runs = Workspace(place.workspace)
    for number, step in enumerate(recipe.steps, start=1):
        name = place.run_name(step.name)
        done, begun = name in runs.run_names(step.command), name in runs.unfinished(step.command)
        state = "done" if done else "unfinished, would be resumed" if begun else "to do"
        line = shlex.join([*_shown(step, place), *recipe.arguments(step, place)])
        console.stdout().print(f"[{number}/{len(recipe.steps)}] {state}: {line}", markup=False, soft_wrap=True)


def run_recipe(recipe: Recipe, place: Place) -> list[StepReport]:
    """Run every step and return their results.

    Raises:
        StepFailedError: a step failed; the steps before it are finished and kept.
    """
    return [_run_step(recipe, number, place) for number in range(1, len(recipe.steps) + 1)]


def _run_step(recipe: Recipe, number: int, place: Place) -> StepReport:
    step, total = recipe.steps[number - 1], len(recipe.steps)
    arguments = recipe.arguments(step, place)
    console.note(f"\n[{number}/{total}] {shlex.join([*_shown(step, place), *arguments])}")
    began = time.monotonic()
    start = ("torch.distributed.run", *_TORCHRUN) if _on_each_gpu(step, place) else ("coma_cli",)
    done = subprocess.run([sys.executable, "-m", *start, *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise StepFailedError(step, done.returncode)
    name = place.run_name(step.name)
    artifact = next(a for a in Workspace(place.workspace).finished(step.command) if a.name == name)
    return StepReport(step.command, name, artifact.summary, time.monotonic() - began, artifact.path)


def _on_each_gpu(step: Step, place: Place) -> bool:
    return step.torchrun and place.scale == "full"


def _shown(step: Step, place: Place) -> tuple[str, ...]:
    """What starts a step, as it would be typed."""
    return ("torchrun", *_TORCHRUN) if _on_each_gpu(step, place) else ("coma",)
