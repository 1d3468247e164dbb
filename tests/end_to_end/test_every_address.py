"""Every address of the catalogue on the real network: names and sizes are asked for, and nothing is fetched."""

from collections.abc import Iterator

import pytest

from coma_cli.catalog.benchmarks import evalplus, mbpp
from coma_cli.catalog.sources import SOURCES
from coma_cli.formats.fetching.github import size_on_github
from coma_cli.formats.fetching.locations import GitHubFiles, HubForm, Location
from coma_cli.formats.hub import list_hub


def addresses() -> Iterator[tuple[str, Location]]:
    for source in SOURCES.values():
        yield from ((f"{source.name}-{number}", place) for number, place in enumerate(source.locations))
    for release in (evalplus.HUMANEVAL_RELEASE, evalplus.MBPP_RELEASE):
        yield release.bench, release.location
    yield from ((f"mbpp-{name}", mbpp.location_of(name)) for name in ("full", "sanitized"))


ADDRESSES = dict(addresses())


@pytest.mark.network
@pytest.mark.parametrize("place", ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_has_what_is_expected_there(place):
    if isinstance(place, HubForm):
        found = list_hub(place)
        assert found.files, f"expected {place.expected}; there: {found.rest}"
        return
    assert isinstance(place, GitHubFiles)
    for file in place.all_files:
        size = size_on_github(place, file)
        assert file.size is None or size in (None, file.size)
