"""The split into training and validation rows, decided for each row by a hash of what it is about.

A row's side depends only on the row and the seed, so adding rows never moves old ones. Rows made from the same function
are on the same side. A validation row that repeats a longer text of a training row (up to case, numbers and layout), or
is a near-duplicate of one, whatever the task, is dropped: nothing is evaluated on what was trained on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.fingerprints import Fingerprints, hash_of
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import Texts, nearest_of
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.corpus.lexing import U64, mix
from coma_cli.records import Example

Side = Literal["train", "validation"]
COUNTERPART_REASON = "twin-in-train"


@dataclass(frozen=True)
class Split:
    """Rows on both sides."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


def split(examples: Iterable[Example], share: float, seed: int, on_drop: OnDrop, rules: NearRules) -> Split:
    """Split rows that fit into memory; `share` (0 to 1) of what they are about goes to validation."""
    rows = list(examples)
    fingerprints = Fingerprints.of(rows, rules)
    validates = in_validation(fingerprints.by_row.anchors, share, seed)
    everything = np.ones(len(rows), dtype=bool)
    counterparts = counterparts_in_train(
        fingerprints.by_row.text_keys, fingerprints.by_text, validates, everything, rules
    )
    for number in np.flatnonzero(counterparts):
        on_drop(dropped(rows[number], COUNTERPART_REASON))
    return Split(
        tuple(rows[number] for number in np.flatnonzero(~validates)),
        tuple(rows[number] for number in np.flatnonzero(validates & ~counterparts)),
    )


def in_validation(anchors: U64, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are for validation, by the keys of what they are about."""
    draws = mix(anchors ^ np.uint64(hash_of(f"split|{seed}")))
    result: NDArray[np.bool_] = draws.astype(np.float64) < share * 2.0**64
    return result


def counterparts_in_train(
    text_keys: U64, texts: Texts, validates: NDArray[np.bool_], chosen: NDArray[np.bool_], rules: NearRules
) -> NDArray[np.bool_]:
    """Which chosen validation rows share a longer text with a chosen training row, or nearly do."""
    trained = np.unique(text_keys[chosen & ~validates])
    judged = np.flatnonzero(chosen & validates)
    counterparts = np.zeros(len(chosen), dtype=bool)
    counterparts[judged] = np.isin(text_keys[judged], trained[trained != 0]).any(axis=1)
    near = nearest_of(texts, chosen & validates & ~counterparts, chosen & ~validates, rules.threshold, len(chosen))
    counterparts |= near >= 0
    return counterparts
