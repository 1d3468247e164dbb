from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.minhash import NearRules
from coma_cli.corpus.near import clusters, nearest_of
from coma_cli.corpus.prints import Prints
from coma_cli.corpus.stored_texts import StoredTexts, TextsOfPart
from tests.corpus.rows import example
from tests.corpus.test_near import mutated, text

RULES = NearRules()
ROWS = [example(n, input=mutated(text(n // 3), n % 3, n).replace(".", "")) for n in range(30)]


def stored(folder, borders):
    """The texts of all rows in parts that end at the borders."""
    parts, counts = [], []
    edges = [0, *sorted(borders), len(ROWS)]
    for number, (start, end) in enumerate(pairwise(edges)):
        prints = Prints.of(ROWS[start:end], RULES).by_text
        path = folder / f"{number}.part"
        path.write_bytes(b"before" + prints.hashes.tobytes() + prints.outlines.tobytes() + prints.sets.tobytes())
        outlines_at = 6 + prints.hashes.nbytes
        sets_at = outlines_at + prints.outlines.nbytes
        parts.append(TextsOfPart(path, prints.rows, prints.groups, prints.sizes, 6, outlines_at, sets_at))
        counts.append(end - start)
    return StoredTexts(parts, counts, RULES.banding.bands, folder)


@given(st.lists(st.integers(0, len(ROWS)), max_size=5))
@settings(max_examples=20)
def test_parts_on_disk_are_one_list_wherever_they_are_cut(tmp_path_factory, borders):
    there, here = stored(tmp_path_factory.mktemp("parts"), borders), Prints.of(ROWS, RULES).by_text
    assert np.array_equal(there.rows, here.rows)
    assert np.array_equal(there.groups, here.groups)
    assert all(np.array_equal(there.band(n), here.band(n)) for n in range(here.bands))
    some = np.array([0, 3, 4, 17, 29])
    assert np.array_equal(there.outlines_of(some), here.outlines_of(some))
    for one, other in zip(there.shingles(some), here.shingles(some), strict=True):
        assert np.array_equal(one, other)
    everyone = np.ones(len(ROWS), dtype=bool)
    start = np.arange(len(ROWS))
    assert np.array_equal(clusters(there, start, 0.8, everyone), clusters(here, start, 0.8, everyone))
    late = start >= 20
    assert np.array_equal(nearest_of(there, late, ~late, 0.5, 30), nearest_of(here, late, ~late, 0.5, 30))


def test_no_parts_hold_nothing(tmp_path):
    texts = StoredTexts([], [], RULES.banding.bands, tmp_path)
    assert clusters(texts, np.arange(0), 0.8, np.zeros(0, dtype=bool)).tolist() == []
    assert texts.shingles(np.zeros(0, dtype=np.int64))[0].tolist() == []
    assert texts.outlines_of(np.zeros(0, dtype=np.int64)).shape == (0, 64)
    assert len(list(tmp_path.iterdir())) == 2
    texts.discard()
    assert list(tmp_path.iterdir()) == []
