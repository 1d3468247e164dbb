"""What a step of a recipe left, for the tables at its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StepReport:
    """The result of one step: its run's summary and folder, and how long it took this time."""

    command: str
    name: str
    summary: Mapping[str, Any]
    wall_s: float
    folder: Path | None = None
