"""The catalogue, one small file per entry: benchmarks, bases, sources, tasks; each folder lists its entries."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from coma_cli.errors import unknown_name


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def index(*entries: N) -> Mapping[str, N]:
    """Entries by name, in the order given."""
    return {entry.name: entry for entry in entries}


def lookup(kind: str, name: str, entries: Mapping[str, N], *, hint: str | None = None) -> N:
    """The entry of that name.

    Raises:
        UsageError: there is none; the error suggests the nearest known name.
    """
    try:
        return entries[name]
    except KeyError:
        raise unknown_name(kind, name, entries, hint=hint) from None
