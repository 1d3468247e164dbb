"""The settings of what people watch; none of them changes what is trained."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from coma_cli.settings import Flag, Unset

EXECUTION = "Execution"
NONE = "none"
TrackerName = Literal["tensorboard", "wandb", "trackio", "mlflow", "none"]


def _each_once(value: list[TrackerName]) -> list[TrackerName]:
    if NONE in value and len(set(value)) > 1:
        raise ValueError("none excludes the others")
    return [name for name in dict.fromkeys(value) if name != NONE]


ReportTo = Annotated[
    list[TrackerName],
    AfterValidator(_each_once),
    Flag("--report-to", panel=EXECUTION, split=True, repeat=True),
    Unset("none"),
    Field(description="Experiment trackers that get the metrics of every step"),
]
LoggingSteps = Annotated[
    int | None,
    Flag("--logging-steps", panel=EXECUTION),
    Unset("a line every ten seconds"),
    Field(ge=1, description="Steps between lines of progress where stderr is not a terminal"),
]
