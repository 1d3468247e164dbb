import re
from collections import Counter

import pytest

from coma_cli.languages import named_language
from coma_cli.languages.table import LANGUAGES


def test_every_name_and_every_suffix_belongs_to_one_language():
    labels = Counter(label for entry in LANGUAGES.values() for label in (entry.name, *entry.labels, *entry.fence_tags))
    suffixes = Counter(suffix for entry in LANGUAGES.values() for suffix in entry.suffixes)
    assert {label for label, count in (labels | suffixes).items() if count > 1} == set()
    assert all(label == label.lower() for label in labels)
    assert all(re.fullmatch(r"\.[a-z+]+", suffix) for suffix in suffixes)


@pytest.mark.parametrize("entry", LANGUAGES.values(), ids=LANGUAGES)
def test_what_an_entry_says_fits_together(entry):
    assert entry.display
    if entry.grammar is not None:
        assert entry.frames, "functions are looked for in parsed files"
    assert bool(entry.suffixes) <= (entry.grammar is not None or entry.name == "python"), "files are read for functions"


@pytest.mark.parametrize("entry", [e for e in LANGUAGES.values() if e.named_by], ids=lambda entry: entry.name)
def test_no_entry_before_it_takes_a_language_for_its_own(entry):
    assert named_language(f"Write it in {entry.display}.") == entry.name
