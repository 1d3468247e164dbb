"""What a reader says of a row that it can't use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coma_cli.records import Origin


@dataclass(frozen=True)
class Rejected:
    """Something in a source that gives no material: which one, and one reason code with its detail."""

    reason: str
    detail: str
    origin: Origin
    row: Mapping[str, Any] = field(default_factory=dict)
