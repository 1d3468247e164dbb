import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.dataset.build_data import STAGE
from coma_cli.dataset.obtaining import (
    OtherSplitsError,
    estimate_of,
    offer_in_words,
    request_of,
    rows_needed,
    splits_in_words,
)
from coma_cli.formats.fetching.fetch import Offer
from coma_cli.formats.fetching.locations import Listing, RemoteFile
from coma_cli.formats.fetching.web import UnfetchedError
from coma_cli.settings import load_settings

CLONES, CONTESTS, CLOZE = (SOURCES[n] for n in ("codexglue_clone_detection", "code_contests", "codexglue_cloze_all"))


def settings(**flags):
    return load_settings(STAGE.settings, flags=flags)


def chosen(source, names, **flags):
    listing = Listing("c", tuple(RemoteFile(name, 100) for name in names))
    choice = request_of(source, settings(**flags)).choose(listing)
    return [file.path for file in choice.files], choice.share


def test_the_rows_that_the_sub_datasets_want_of_a_source():
    assert rows_needed(CLONES, settings()) is None
    assert rows_needed(CLONES, settings(size="paper")) == 10_000
    assert rows_needed(CLONES, settings(size=120)) == 10
    assert rows_needed(CLONES, settings(size=120, tasks=["code-repair"])) == 0
    assert rows_needed(SOURCES["codesearchnet"], settings(size="paper")) == 40_000
    assert rows_needed(CONTESTS, settings(size="paper")) == 0
    assert rows_needed(CONTESTS, settings(mix="codecapybara")) is None
    assert rows_needed(SOURCES["codegpt"], settings(mix="codecapybara")) == 0


def test_only_files_of_the_requested_splits_are_chosen():
    names = [f"data/{split}-00000-of-00001.parquet" for split in ("test", "train", "validation")]
    assert chosen(CLONES, names) == ([names[1]], 1.0)
    assert chosen(CLONES, names, source_splits=["any"]) == (names, 1.0)
    with pytest.raises(OtherSplitsError, match="holds only validation and test splits"):
        chosen(CLONES, [names[0], names[2]])
    with pytest.raises(OtherSplitsError, match="holds only test splits; --source-splits any reads them"):
        chosen(CLOZE, ["python/train-00000-of-00001.parquet"])


def test_files_of_other_names_are_named():
    with pytest.raises(UnfetchedError, match=r"files of unknown names: data/rows\.parquet"):
        chosen(CONTESTS, ["data/rows.parquet"])


def test_a_size_takes_the_first_shards_of_each_group():
    shards = [f"data/train-{n:05}-of-00039.parquet" for n in range(39)]
    assert chosen(CONTESTS, shards) == (shards, 1.0)
    # The mixture takes all of its rows.
    assert len(chosen(CONTESTS, shards, mix="codecapybara", size="paper")[0]) == 39
    some, share = chosen(CONTESTS, shards, mix="codecapybara", size=2_000)
    assert some == shards[: len(some)]
    assert 1 < len(some) < 39
    assert share == pytest.approx(len(some) / 39)
    few, _ = chosen(
        SOURCES["codexglue_code_to_text"],
        [f"{x}/train-0000{n}-of-00002.parquet" for x in ("go", "php") for n in (0, 1)],
        size=120,
    )
    assert few == ["go/train-00000-of-00002.parquet", "php/train-00000-of-00002.parquet"], "one of each language"


def test_archives_are_taken_whole():
    names = ["data/go.zip", "data/python.zip"]
    assert chosen(SOURCES["codesearchnet"], names, size=120) == (names, 1.0)


def test_a_dry_run_says_bytes_rows_minutes_licence_and_place():
    there = Offer("o/r at c on GitHub", 1_200_000_000, 600_000_000, 0.5)
    assert estimate_of(CLONES, there) == {
        "bytes": 1_200_000_000,
        "bytes to fetch": 600_000_000,
        "rows, about": 450_514,
        "minutes at 10 MB/s": 1.0,
        "licence": "C-UDA-1.0",
        "from": "o/r at c on GitHub",
    }
    assert offer_in_words(there) == "would be fetched from o/r at c on GitHub (1.2 GB, 600 MB of it missing)"
    unknown = Offer("o/r at c on GitHub", None, None, reason="it is offline.")
    assert offer_in_words(unknown).endswith("on GitHub (unknown size as known to coma), but it is offline.")
    assert estimate_of(CLONES, unknown)["minutes at 10 MB/s"] is None


def test_splits_are_named_in_their_usual_order():
    assert splits_in_words(["test", "train", "test"]) == "train and test"
    assert splits_in_words(["", "validation", "train"]) == "train, validation and mixed"


def test_every_location_has_its_known_facts():
    """Every published source is fetched, and what upstream never published has no location."""
    unpublished = {"codecapybara_seed", "codecapybara_generated"}
    assert {name for name, source in SOURCES.items() if not source.locations} == unpublished
    assert [name for name, source in SOURCES.items() if source.on_request] == ["codepro"]
    for source in SOURCES.values():
        assert not source.locations or source.rows > 0
