"""What coma knows, one small file a thing: benchmarks, bases, sources, tasks; a folder lists its own in one tuple."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from coma_cli.errors import unknown_name


class Named(Protocol):
    """Anything a catalogue can hold."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def index(*entries: N) -> Mapping[str, N]:
    """Entries by name, in the order given."""
    return {entry.name: entry for entry in entries}


def lookup(kind: str, name: str, entries: Mapping[str, N], *, hint: str | None = None) -> N:
    """The entry of that name.

    Raises:
        UsageError: there is none; the nearest known name is offered.
    """
    try:
        return entries[name]
    except KeyError:
        raise unknown_name(kind, name, entries, hint=hint) from None
