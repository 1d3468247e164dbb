"""The form of a stage: what each module of the pipeline exports as `STAGE`, typed by its own settings and plan.

`settings` is the model that options and YAML files are checked against. `plan` resolves inputs, counts the work and
finds what blocks it, and changes nothing; `work` does what is still missing in a run. `show` prints the summary for a
person, `headline` is one line on what was made, for tables of several runs. The rest is optional:

* `identify`: subject and inputs alone, where a whole plan takes seconds, so that a finished run is found at once;
* `preview`: the plan of a dry run, where a real one would have to fetch what it plans with;
* `publish`: sends a finished run elsewhere if the settings say so; what it returns is printed as `published`;
* `check`: runs after the summary, with the finished run, and may fail the command;
* `followed_by`: the command that reads the run next, where it is not the next one of the pipeline; or None;
* `assist`: where a launcher starts several processes for one command, what those of rank 1 and up do.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from coma_cli.pipeline import row_of
from coma_cli.settings import StageSettings
from coma_cli.workspace import Artifact, Plan, Run, StageResult, Workspace

S = TypeVar("S", bound=StageSettings)
P = TypeVar("P", bound=Plan)
Summary = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[S, P]):
    """One stage of the pipeline as an object; see the module's docstring for its parts."""

    settings: type[S]
    plan: Callable[[S, Workspace], P]
    work: Callable[[Run, S, P], StageResult]
    show: Callable[[Summary], None]
    headline: Callable[[Summary], str]
    identify: Callable[[S, Workspace], Plan] | None = None
    preview: Callable[[S, Workspace], P] | None = None
    publish: Callable[[S, Artifact], Mapping[str, Any] | None] | None = None
    check: Callable[[S, Artifact], None] | None = None
    followed_by: Callable[[Summary], str | None] | None = None
    assist: Callable[[], None] | None = None


def stage_of(command: str) -> Stage[Any, Any]:
    """The stage of a command; imports its module."""
    stage: Stage[Any, Any] = pkgutil.resolve_name(f"{row_of(command).module}:STAGE")
    return stage


def settings_of(command: str) -> type[StageSettings]:
    """The settings model of a command alone: the libraries that do its work are not imported."""
    model: type[StageSettings] = pkgutil.resolve_name(row_of(command).settings)
    return model
