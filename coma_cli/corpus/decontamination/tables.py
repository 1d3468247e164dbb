"""What is known of the problems of benchmarks, as hashes: enough to recognize them, and nothing that can be read.

All hashes have 64 bits and are the same on every machine, so tables can be stored (see `shipped`). Each table leads
from a hash to the numbers of owners, problems of a benchmark.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.lexing import U64


@dataclass(frozen=True)
class Owner:
    """The problem that something belongs to, and whether to its text, its solution or its tests."""

    bench: str
    task_id: str
    part: str


class Stretch(NamedTuple):
    """What follows a hash: so many words or tokens with this hash. `weight` says how much they prove."""

    length: int
    hash: int
    weight: int
    owner: int


class Background(NamedTuple):
    """What unrelated texts and programs have in common, so that it proves nothing, as hashes.

    `phrases` are runs of four words; `programs` are shapes of functions, by themselves and with their names.
    """

    phrases: Set[int] = frozenset()
    programs: Set[int] = frozenset()


def hash_of(text: str) -> int:
    """A hash of a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@dataclass
class Tables:
    """The tables of some benchmarks.

    `owners` are known by their place in the list, and `numbers` leads back to it.
    `runs` are runs of ten words; `statements` are whole short texts, by their last six words; `checks` are calls with
    the values they must give, by their arguments; `shapes` are normalized functions, `named` those that count only
    under their own name; `bodies` are tokens without names, by how they begin; `words` are the names from elsewhere
    that solutions use; `sizes` count the problems, `bare` those without a run of ten words.
    """

    owners: list[Owner] = field(default_factory=list)
    numbers: dict[Owner, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    bare: dict[str, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    statements: dict[int, list[Stretch]] = field(default_factory=dict)
    checks: dict[int, list[Stretch]] = field(default_factory=dict)
    shapes: dict[int, int] = field(default_factory=dict)
    named: dict[int, int] = field(default_factory=dict)
    bodies: dict[int, list[Stretch]] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)

    def number_of(self, owner: Owner) -> int:
        """The number of an owner, who is added if he is new."""
        number = self.numbers.get(owner)
        if number is None:
            number = self.numbers[owner] = len(self.owners)
            self.owners.append(owner)
        return number

    def update(self, other: Self) -> None:
        """Add the tables of other benchmarks; what is known already keeps its owner."""
        number = [self.number_of(owner) for owner in other.owners]
        for bench, size in other.sizes.items():
            self.sizes[bench] = max(size, self.sizes.get(bench, 0))  # a file may hold a few problems of one known whole
            self.bare.setdefault(bench, other.bare[bench])
        self.words |= other.words
        for name in _PLAIN:
            mine: dict[int, int] = getattr(self, name)
            for key, owner in getattr(other, name).items():
                mine.setdefault(key, number[owner])
        for name in _STRETCHED:
            lists: dict[int, list[Stretch]] = getattr(self, name)
            for key, stretches in getattr(other, name).items():
                moved = [one._replace(owner=number[one.owner]) for one in stretches]
                lists[key] = [*lists.get(key, ()), *moved]

    def arrays(self) -> dict[str, NDArray[np.uint64]]:
        """The tables as arrays of (rows, columns), without `owners`, `sizes` and `bare`; rows are sorted."""
        made = {name: _array(sorted(getattr(self, name).items()), 2) for name in _PLAIN}
        for name in _STRETCHED:
            rows = [(key, *one) for key, stretches in getattr(self, name).items() for one in stretches]
            made[name] = _array(sorted(rows), 5)
        made["words"] = _array([(word,) for word in sorted(self.words)], 1)
        return made

    def read(self, arrays: Mapping[str, NDArray[np.uint64]]) -> None:
        """Fill the tables from arrays as `arrays` makes them."""
        for name in _PLAIN:
            setattr(self, name, dict(arrays[name].tolist()))
        for name in _STRETCHED:
            lists: dict[int, list[Stretch]] = {}
            for key, *rest in arrays[name].tolist():
                lists.setdefault(key, []).append(Stretch(*rest))
            setattr(self, name, lists)
        self.words = set(arrays["words"][:, 0].tolist())


_PLAIN = ("runs", "shapes", "named")
_STRETCHED = ("statements", "checks", "bodies")


def _array(rows: Iterable[tuple[int, ...]], columns: int) -> U64:
    return np.array(list(rows), dtype=np.uint64).reshape(-1, columns)
