"""The benchmarks whose hashes are part of this package, so that rows are checked against them without a download.

`shipped.npz` has the tables of HumanEval and of the whole published MBPP file, and what unrelated texts and programs
have in common. EvalPlus's sets ask the same problems. It is made by `docs/hash_benchmarks.py`, which also says from
what; docs/decontamination.md says more, and under which licences.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.decontamination.tables import Background, Owner, Tables

FILE = "shipped.npz"
# Problems of MBPP outside its test split: few-shot prompts, validation and training. MBPP+ asks some of them.
OTHER_SPLITS = "mbpp-other-splits"
# A source that is the training split of a benchmark: its rows are not compared with themselves.
OWN_SPLIT: Mapping[str, str] = {"mbpp": OTHER_SPLITS}
# Benchmarks that ask the problems of one whose hashes are part of the package.
COVERED: Mapping[str, tuple[str, ...]] = {"humaneval": ("humaneval+",), "mbpp": ("mbpp-sanitized", "mbpp+")}
_PARTS = ("problem", "solution", "test")


class Shipped(NamedTuple):
    """The tables, the background, and what the tables were made from: SHA-256 of the problems by benchmark."""

    tables: Tables
    background: Background
    content_sha256: Mapping[str, str]


def covered() -> frozenset[str]:
    """The names of all benchmarks that rows are checked against without their files."""
    return frozenset((*COVERED, *(name for names in COVERED.values() for name in names)))


@cache
def shipped() -> Shipped:
    """What the package contains."""
    with resources.files(__package__).joinpath(FILE).open("rb") as file, np.load(file) as arrays:
        return unpacked({name: arrays[name] for name in arrays.files})


@cache
def shipped_sha256() -> str:
    """SHA-256 (hex) of the file of hashes, which says what rows were checked by."""
    return hashlib.sha256(resources.files(__package__).joinpath(FILE).read_bytes()).hexdigest()


def packed(content: Shipped) -> dict[str, NDArray[np.generic]]:
    """The arrays of the file."""
    tables = content.tables
    benches = list(tables.sizes)
    ids = list(dict.fromkeys(owner.task_id for owner in tables.owners))
    number = {task_id: place for place, task_id in enumerate(ids)}
    owners = [(benches.index(one.bench), number[one.task_id], _PARTS.index(one.part)) for one in tables.owners]
    about = {"sizes": tables.sizes, "bare": tables.bare, "content": dict(content.content_sha256), "ids": ids}
    made: dict[str, NDArray[np.generic]] = {
        "about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8),
        "owners": np.array(owners, dtype=np.uint16).reshape(-1, 3),
        "phrases": _sorted(content.background.phrases),
        "programs": _sorted(content.background.programs),
    }
    for name, rows in tables.arrays().items():
        # The hashes of a column are sorted and the owners are small: columns of one kind compress best.
        made.update({f"{name}.{column}": _small(rows[:, column]) for column in range(rows.shape[1])})
    return made


def unpacked(arrays: Mapping[str, NDArray[np.generic]]) -> Shipped:
    """The content of the file."""
    about = json.loads(arrays["about"].tobytes())
    benches = list(about["sizes"])
    tables = Tables(sizes=about["sizes"], bare=about["bare"])
    for bench, task, part in arrays["owners"].tolist():
        tables.number_of(Owner(benches[bench], about["ids"][task], _PARTS[part]))
    names = sorted({name.partition(".")[0] for name in arrays if "." in name})
    columns = {name: sum(one.startswith(f"{name}.") for one in arrays) for name in names}
    tables.read(
        {
            name: np.stack([arrays[f"{name}.{column}"].astype(np.uint64) for column in range(count)], axis=1)
            for name, count in columns.items()
        }
    )
    common = Background(*(frozenset(arrays[name].tolist()) for name in ("phrases", "programs")))
    return Shipped(tables, common, about["content"])


def _sorted(hashes: Iterable[int]) -> NDArray[np.uint64]:
    return np.array(sorted(hashes), dtype=np.uint64)


def _small(column: NDArray[np.uint64]) -> NDArray[np.generic]:
    """A column in the smallest type that holds it."""
    most = int(column.max(initial=0))
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if most <= np.iinfo(kind).max)
    return column.astype(kind)
