"""What the parts of CodeXGLUE share: licence, citation, revision, and file names on the Hugging Face Hub.

The readers were written for the files of microsoft/CodeXGLUE at `REVISION` and for the Parquet files of the Hub's
`google/code_x_glue_*` repositories.
"""

from collections.abc import Sequence
from pathlib import Path

from coma_cli.formats.aligned_text import find_pairs, split_name
from coma_cli.formats.data_file import DataFile, Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.files import Listed, matching_files

URL = "https://github.com/microsoft/CodeXGLUE/tree/main"
REVISION = "38464c1b7f7ef9d8f969c7a5ff779fe71ee6c61c"
LICENCE = "C-UDA-1.0"
CITATION = (
    "Lu, S. et al. (2021). CodeXGLUE: A Machine Learning Benchmark Dataset for Code Understanding and Generation. "
    "arXiv:2102.04664."
)
# A Parquet file on the Hub: `<configuration or data>/<split>-00000-of-00001.parquet`, or in the layout of the Hub's
# own conversion, `<configuration>/<split>/0000.parquet` (with `partial-` before the split where it stopped at 5 GB).
HUB_FILE = r"(?:partial-)?(?P<split>train|validation|valid|test)(?:-[\w-]+|/\d+)?\.parquet"


def hub_form(name: str, revision: str, about: int = 0) -> HubForm:
    """The Hub's repository of one part at a commit of its main branch, with about so many bytes."""
    return HubForm(f"google/code_x_glue_{name}", revision, ("*.parquet",), about)


def shard_of(
    found: Listed,
    *,
    split: str | None = None,
    language: str = "",
    companions: Sequence[DataFile] = (),
    licence: str = LICENCE,
) -> Shard:
    """A listed file as a shard; its split is read from its name unless one is given."""
    known = split_name(found.groups.get("split", "")) if split is None else split
    file = found.file
    return Shard(file.path, found.name, licence, known, tuple(companions), member=file.member, language=language)


def find_tables(place: Path, *patterns: str) -> list[Listed]:
    """The data files below a place: the publisher's by `patterns`, the Hub's by `HUB_FILE`; or the one file given."""
    found = matching_files(place, [*patterns, HUB_FILE])
    if not found and place.is_file() and place.suffix.lower() != ".zip":
        return [Listed(place.name, place.name, DataFile(place))]
    return found


def find_pairs_or_tables(place: Path, pattern: str, sides: tuple[str, str]) -> list[Shard]:
    """The publisher's pairs of files whose names match `pattern`, or the Hub's Parquet files."""
    return find_pairs(place, pattern, sides, LICENCE) or [shard_of(found) for found in find_tables(place)]
