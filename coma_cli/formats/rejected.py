"""The record for a row that a reader can't use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coma_cli.records import Origin


@dataclass(frozen=True)
class Rejected:
    """An entry of a source that gives no material: its origin, and a reason code with a detail."""

    reason: str
    detail: str
    origin: Origin
    row: Mapping[str, Any] = field(default_factory=dict)
