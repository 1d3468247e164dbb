"""The whole recipe over the real slices: every sub-dataset has rows or requests, and the card says so."""

import pytest

from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.sources import SOURCES
from coma_cli.dataset.settings import BuildDataSettings
from tests.dataset.test_build_data import build
from tests.requirements import shared_data


@pytest.mark.slow
def test_every_sub_dataset_is_filled_or_requested(workspace_root):
    made = build(workspace_root, sources=str(shared_data()), source_splits=["any"], workers=2)
    subsets = made.summary["subsets"]
    card = (made.path / "card.md").read_text()
    here = set(BuildDataSettings().chosen_tasks())
    checked = 0
    for entry in MIXTURES["comit"].subsets:
        if entry.task in here and SOURCES.keys() & set(entry.sources):
            counts = subsets[entry.name]
            assert counts["train"] + counts["validation"] + counts["requested"] > 0, entry.name
            assert f"| {entry.name} | {entry.task} | {counts['train']} | {counts['validation']} |" in card
            checked += 1
    assert checked >= 6
    assert made.summary["decontaminated"] and "**Not for commercial use as a whole**" in card
