"""One thing that was looked at: what was found, how bad it is, and the line that would change it."""

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True)
class Diagnosis:
    """A finding of one area.

    `ok`: as it should be. `note`: something optional is absent. `warning`: coma works, but worse than it could, or part
    of it doesn't. `error`: something that coma needs is broken. `fix` is a line to type where there is one, else what
    to change; `data` is the finding as JSON types, None if `found` says it all.
    """

    area: str
    name: str
    severity: Severity
    found: str
    fix: str | None = None
    data: Any = None
