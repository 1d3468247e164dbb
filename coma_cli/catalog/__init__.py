"""The catalogue: sources, tasks, benchmarks, bases and mixtures, one small file per entry and one table per folder."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Protocol, TypeVar

from coma_cli.errors import unknown_name


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


class Catalogue(MutableMapping[str, N]):
    """Entries by name, in the order of their table; the file of an entry is imported when it is first requested.

    The table gives the place of each entry within `package`, as `module:ATTRIBUTE`. Listing the names imports nothing,
    and using one entry does not import the others.
    """

    def __init__(self, kind: type[N], package: str, table: Mapping[str, str]) -> None:
        self._kind = kind
        self._package = package
        self._entries: dict[str, N | str] = dict(table)

    def __getitem__(self, name: str) -> N:
        """Raises KeyError for an unknown name, TypeError where the table points at something else."""
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = self._entries[name] = self._load(name, entry)
        return entry

    def __setitem__(self, name: str, entry: N | str) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def _load(self, name: str, place: str) -> N:
        module, _, attribute = place.partition(":")
        entry = getattr(import_module(f"{self._package}.{module}"), attribute, None)
        if not isinstance(entry, self._kind) or entry.name != name:
            raise TypeError(f"{self._package}: {place} is not a {self._kind.__name__} named {name!r}.")
        return entry


def index(*entries: N) -> Mapping[str, N]:
    """Entries by name, in the order given."""
    return {entry.name: entry for entry in entries}


def canonical(name: str, entries: Mapping[str, N]) -> str:
    """The name of an entry as the catalogue writes it, whatever the case it is given in; an unknown one as it is."""
    return name if name in entries else next((known for known in entries if known.lower() == name.lower()), name)


def lookup(kind: str, name: str, entries: Mapping[str, N], *, hint: str | None = None) -> N:
    """The entry of that name, in any case.

    Raises:
        UsageError: there is none; the error suggests the nearest known name.
    """
    try:
        return entries[canonical(name, entries)]
    except KeyError:
        raise unknown_name(kind, name, entries, hint=hint) from None
