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
    for number in np.flatnonzero(counterparts >= 0):
        on_drop(dropped(rows[number], COUNTERPART_REASON, f"of {rows[counterparts[number]].id}"))
    return Split(
        tuple(rows[number] for number in np.flatnonzero(~validates)),
        tuple(rows[number] for number in np.flatnonzero(validates & (counterparts < 0))),
    )


def in_validation(anchors: U64, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are for validation, by the keys of what they are about."""
    draws = mix(anchors ^ np.uint64(hash_of(f"split|{seed}")))
    result: NDArray[np.bool_] = draws.astype(np.float64) < share * 2.0**64
    return result


def counterparts_in_train(
    text_keys: U64, texts: Texts, validates: NDArray[np.bool_], chosen: NDArray[np.bool_], rules: NearRules
) -> NDArray[np.int64]:
    """For each chosen validation row, a chosen training row that shares a longer text with it, or nearly does; else -1.

    Of several that share one, it is the first.
    """
    trained, judged = np.flatnonzero(chosen & ~validates), np.flatnonzero(chosen & validates)
    partner = np.full(len(chosen), -1, dtype=np.int64)
    partner[judged] = _first_with_a_key(text_keys, judged, trained)
    near = nearest_of(texts, chosen & validates & (partner < 0), chosen & ~validates, rules.threshold, len(chosen))
    return np.where(partner < 0, near, partner)


def _first_with_a_key(text_keys: U64, judged: NDArray[np.int64], trained: NDArray[np.int64]) -> NDArray[np.int64]:
    """(judged,): the first of the rows `trained` that has one of a row's keys, or -1; the key 0 is none."""
    keys, places = np.unique(text_keys[trained].ravel(), return_index=True)  # the first place of each key
    if not len(keys):
        return np.full(len(judged), -1, dtype=np.int64)
    wanted = text_keys[judged]
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    none = len(trained)
    rows = np.where((keys[found] == wanted) & (wanted != 0), places[found] // text_keys.shape[1], none).min(axis=1)
    return np.where(rows < none, trained[np.minimum(rows, none - 1)], -1)
