"""The type of a catalogue entry for a source of training rows: where it comes from, its licence, how it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coma_cli.catalog.material import Material
from coma_cli.catalog.tasks import TASKS
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fetching.locations import Location
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Example


@dataclass(frozen=True)
class Source:
    """A source of rows.

    `find` lists the files of the source in a folder with the publisher's layout (or takes a single file), `read` yields
    the material of one file, and `bytes_per_row` (measured on unpacked files) is used for estimates in a dry run.
    `gives` lists the shapes of material that `read` yields; rows are made for every task that takes one of them,
    except those in `not_for`.
    `folder` is its location below `--sources DIR`. `revision` is the upstream commit that the reader was written for;
    `notes` is what a reader of the data card should know about the rows; `splits` is empty if the files have splits.
    `reads_pieces` means that `read` yields only what belongs to the shard's piece, as `read_table` does; other sources
    are read whole and what belongs to other pieces is skipped. `reads_whole` means that a file is never divided into
    pieces, since reading it is the expensive part. `looks_up_companions` means that rows point into companion files,
    whose size therefore does not say how many rows there are. A source of finished rows has `read_rows` instead of
    material.
    `locations` say where its files can be fetched, the first that has them counts; `rows` is the number of rows there
    in the train split, or in all if there are no splits. A source with `on_request`, the reason, is fetched only if it
    is named.
    """

    name: str
    folder: str
    url: str
    licence: str
    citation: str
    splits: str
    gives: tuple[type[Material], ...]
    find: Callable[[Path], list[Shard]]
    read: Callable[[Shard], Iterator[Material | Rejected]]
    bytes_per_row: float
    not_for: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    rows: int = 0
    on_request: str = ""
    reads_pieces: bool = False
    reads_whole: bool = False
    looks_up_companions: bool = False
    read_rows: Callable[[Shard], Iterator[Example | Rejected]] | None = None
    revision: str = ""
    notes: str = ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that it feeds, in the order of the catalogue; finished rows may be of any task."""
        return tuple(
            name
            for name, task in TASKS.items()
            if name not in self.not_for and (self.read_rows is not None or set(task.takes) & set(self.gives))
        )
