"""The record for a row that a reader can't use, and the origin that rows get."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coma_cli.drop_reasons import require_known
from coma_cli.formats.data_file import Shard
from coma_cli.records import Origin


@dataclass(frozen=True)
class Rejected:
    """Something in a source that gives no material: which one, and one code of `DROP_REASONS` with its detail."""

    reason: str
    detail: str
    origin: Origin
    row: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a code without an explanation."""
        require_known(self.reason)


def row_origin(shard: Shard, row: int | str) -> Origin:
    """The origin of one row of a file with one split."""
    return Origin(path=shard.name, row=str(row), split=shard.split)
