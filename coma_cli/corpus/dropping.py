"""A row that is left out stays visible: every step here hands it, with one reason, to whoever collects them."""

from collections.abc import Callable

from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, Example

OnDrop = Callable[[DroppedRow], None]


def dropped(example: Example, reason: str, detail: str = "") -> DroppedRow:
    """An example with the reason why it is left out. The id holds its origin too, since copies share their content."""
    place = sha256_of([example.source, example.origin.model_dump(mode="json")])[:8]
    return DroppedRow(
        id=f"{example.id}-{place}", source=example.source, reason=reason, detail=detail, row=example.to_row()
    )
