"""What fills the sub-datasets that are short of rows: words for the card and the terminal."""

from collections.abc import Collection, Iterator, Mapping

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.catalog.sources import SOURCES
from coma_cli.dataset.summary import SubsetCounts

_WRITTEN = "gen-instructions"  # the source of rows that a model writes here, where upstream published none


def how_to_fill(
    subsets: Mapping[str, SubsetCounts], mixture: Mixture, read: Collection[str], all_splits: bool
) -> Iterator[str]:
    """One sentence on the requested rows, and one on each sub-dataset that is short, in the order of the table.

    `read` names the sources that were read; `all_splits` says whether all of their splits were.
    """
    requested = sum(counts.requested for counts in subsets.values())
    if requested:
        yield (
            f"pending.jsonl requests {requested} rows: `coma gen-instructions --pending RUN` has a model write them, "
            "and `--with-generated RUN` takes them in when this command is run again."
        )
    for entry in mixture.subsets:
        counts = subsets.get(entry.name)
        if counts is not None and counts.short:
            ways = "; ".join(_ways(entry.sources, read, all_splits)) or "the sources of its table have no more"
            yield f"{entry.name} is {counts.short} short of {counts.wanted} rows: {ways}."


def _ways(sources: tuple[str, ...], read: Collection[str], all_splits: bool) -> Iterator[str]:
    """How to get more rows of a sub-dataset that is made from these sources."""
    absent = [SOURCES[name] for name in sources if name not in read and name in SOURCES]
    fetched = [source.name for source in absent if source.locations and not source.on_request]
    asked = [source.name for source in absent if source.locations and source.on_request]
    by_hand = [source for source in absent if not source.locations]
    if fetched:
        yield f"`--sources hub` fetches {', '.join(fetched)}"
    if asked:
        yield f"{', '.join(f'`--source {name}=hub`' for name in asked)} fetches a source that states no licence"
    if _WRITTEN in sources:
        yield f"`coma {_WRITTEN}` writes such rows, and `--with-generated RUN` takes them in"
    elif by_hand:
        places = ", ".join(f"`--source {source.name}=PATH` ({source.url})" for source in by_hand)
        yield f"fetch by hand: {places}"
    if not all_splits and any(name in read for name in sources):
        yield "`--source-splits any` reads further splits"
