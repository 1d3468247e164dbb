"""A dropped row stays visible: every step here passes it, with one reason, to a collector."""

from collections.abc import Callable

from coma_cli.drop_reasons import require_known
from coma_cli.jsonl import sha256_of
from coma_cli.records import DroppedRow, Example

OnDrop = Callable[[DroppedRow], None]


def dropped(example: Example, reason: str, detail: str = "") -> DroppedRow:
    """An example with the code of the reason why it is dropped (see `DROP_REASONS`).

    The id holds its origin too, since copies share their content.
    """
    require_known(reason)
    place = sha256_of([example.source, example.origin.model_dump(mode="json")])[:8]
    return DroppedRow(
        id=f"{example.id}-{place}", source=example.source, reason=reason, detail=detail, row=example.to_row()
    )
