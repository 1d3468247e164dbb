from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.dedup.fingerprints import Fingerprints
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import clusters, nearest_of
from coma_cli.corpus.dedup.stored_texts import StoredTexts, TextsOfPart
from tests.corpus.dedup.texts import mutated, text
from tests.corpus.rows import example

RULES = NearRules()
ROWS = [example(n, input=mutated(text(n // 3), n % 3, n).replace(".", "")) for n in range(30)]


def stored(folder, borders):
    """The texts of all rows in parts that end at the borders; a context manager."""
    parts, counts = [], []
    edges = [0, *sorted(borders), len(ROWS)]
    for number, (start, end) in enumerate(pairwise(edges)):
        fingerprints = Fingerprints.of(ROWS[start:end], RULES).by_text
        path = folder / f"{number}.part"
        path.write_bytes(
            b"before" + fingerprints.hashes.tobytes() + fingerprints.prefilters.tobytes() + fingerprints.sets.tobytes()
        )
        prefilters_at = 6 + fingerprints.hashes.nbytes
        sets_at = prefilters_at + fingerprints.prefilters.nbytes
        parts.append(
            TextsOfPart(path, fingerprints.rows, fingerprints.groups, fingerprints.sizes, 6, prefilters_at, sets_at)
        )
        counts.append(end - start)
    return StoredTexts.joined(parts, counts, RULES.banding.bands, folder)


@given(st.lists(st.integers(0, len(ROWS)), max_size=5))
@settings(max_examples=20)
def test_parts_on_disk_are_one_list_wherever_they_are_cut(tmp_path_factory, borders):
    here = Fingerprints.of(ROWS, RULES).by_text
    folder = tmp_path_factory.mktemp("parts")
    with stored(folder, borders) as there:
        assert np.array_equal(there.rows, here.rows)
        assert np.array_equal(there.groups, here.groups)
        assert all(np.array_equal(there.band(n), here.band(n)) for n in range(here.bands))
        some = np.array([0, 3, 4, 17, 29])
        assert np.array_equal(there.prefilters_of(some), here.prefilters_of(some))
        for one, other in zip(there.shingles(some), here.shingles(some), strict=True):
            assert np.array_equal(one, other)
        everyone = np.ones(len(ROWS), dtype=bool)
        start = np.arange(len(ROWS))
        assert np.array_equal(clusters(there, start, 0.8, everyone), clusters(here, start, 0.8, everyone))
        late = start >= 20
        assert np.array_equal(nearest_of(there, late, ~late, 0.5, 30), nearest_of(here, late, ~late, 0.5, 30))
    assert {path.suffix for path in folder.iterdir()} == {".part"}


def test_no_parts_hold_nothing(tmp_path):
    with StoredTexts.joined([], [], RULES.banding.bands, tmp_path) as texts:
        assert clusters(texts, np.arange(0), 0.8, np.zeros(0, dtype=bool)).tolist() == []
        assert texts.shingles(np.zeros(0, dtype=np.int64))[0].tolist() == []
        assert texts.prefilters_of(np.zeros(0, dtype=np.int64)).shape == (0, 64)
        assert len(list(tmp_path.iterdir())) == 2


def test_working_files_go_when_the_work_fails(tmp_path):
    with pytest.raises(RuntimeError), StoredTexts.joined([], [], RULES.banding.bands, tmp_path):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
