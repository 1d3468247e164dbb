"""Bugs2Fix of CodeXGLUE: Java functions before and after a bug-fixing commit, as abstracted tokens."""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Material, Repair
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.aligned_text import read_pairs
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected, row_origin
from coma_cli.formats.tables import read_text_pairs

_RAW = r"(?P<split>train|valid|test)\.buggy-fixed\.(?P<side>buggy|fixed)(?:\.gz)?"
COLUMNS = ("buggy", "fixed")


def find(place: Path) -> list[Shard]:
    """Both configurations, `small` and `medium`: pairs of files, or the Hub's Parquet files."""
    return shared.find_pairs_or_tables(place, _RAW, COLUMNS)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The pairs of one file; its folder is named after the configuration."""
    for entry in read_pairs(shard) if ".buggy-fixed." in shard.name else read_text_pairs(shard, COLUMNS):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, buggy, fixed = entry
        origin = row_origin(shard, number)
        if buggy == fixed:
            yield Rejected("same-text", "", origin, {"buggy": buggy})
            continue
        if _is_guess(buggy, fixed):
            yield Rejected(
                "unknowable-fix",
                "it removes most of the body, or adds one, or only changes the access",
                origin,
                {"buggy": buggy, "fixed": fixed},
            )
            continue
        yield Repair("java", buggy, fixed, abstracted=True, licence=shard.licence, origin=origin)


def _is_guess(buggy: str, fixed: str) -> bool:
    """Whether nothing in the buggy function tells what its fix does.

    True where less than half of the body is left, as when `return null ;` takes the place of a body, where a body is
    added or removed as a whole, and where only the access (`private`, `public`) changes.
    """
    if _but_access(buggy) == _but_access(fixed):
        return True
    before, after = _body_tokens(buggy), _body_tokens(fixed)
    return 2 * after < before or (before == 0) != (after == 0)


def _but_access(code: str) -> list[str]:
    return [word for word in code.split() if word not in ("private", "protected", "public")]


def _body_tokens(code: str) -> int:
    return len(code[code.find("{") :].split()) if "{" in code else 0


SOURCE = Source(
    name="codexglue_code_refinement",
    folder="codexglue_code_refinement",
    url=f"{shared.URL}/Code-Code/code-refinement",
    licence=shared.LICENCE,
    citation="Tufano, M. et al. (2019). An Empirical Study on Learning Bug-Fixing Patches in the Wild via Neural "
    f"Machine Translation. ACM TOSEM 28(4). In: {shared.CITATION}",
    splits="",
    gives=(Repair,),
    find=find,
    read=read,
    bytes_per_row=448,
    locations=(shared.hub_form("cc_code_refinement", "07ab797a018d0d5c448b56eb26b5e11aa5ad7659", 21_000_000),),
    rows=99_044,
    revision=shared.REVISION,
    notes="The code is a space-separated token sequence, and abstracted: names and literals are replaced by VAR_1, "
    "METHOD_2, TYPE_1, STRING_0, INT_1 and the like, numbered separately in each pair. It does not compile. Fixes that "
    "remove more than half of a body, or only change the access, are dropped: nothing in the function tells them.",
)
