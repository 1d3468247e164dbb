"""A dropped row stays visible: every step here passes it, with one reason, to a collector."""

from collections.abc import Callable

from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, Example

OnDrop = Callable[[DroppedRow], None]


def dropped(example: Example, reason: str, detail: str = "") -> DroppedRow:
    """An example with the reason why it is dropped. Its id includes its origin, since copies have equal content."""
    place = sha256_of([example.source, example.origin.model_dump(mode="json")])[:8]
    return DroppedRow(
        id=f"{example.id}-{place}", source=example.source, reason=reason, detail=detail, row=example.to_row()
    )
