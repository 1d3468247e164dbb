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
from coma_cli.syntax.fixes.change import change_of
from coma_cli.syntax.fixes.kinds import knowable_kind

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
        reason = _reject(buggy, fixed)
        if reason is not None:
            yield Rejected(*reason, origin, {"buggy": buggy, "fixed": fixed})
            continue
        yield Repair("java", buggy, fixed, abstracted=True, licence=shard.licence, origin=origin)


def _reject(buggy: str, fixed: str) -> tuple[str, str] | None:
    """Why a pair teaches nothing: it is not Java, or no reader of the buggy function can know the fix."""
    change = change_of(buggy, fixed)
    if change is None:
        return "does-not-parse", "buggy or fixed"
    return None if knowable_kind(change) else ("unknowable-fix", "none of the kinds of fixes that the function tells")


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
    "METHOD_2, TYPE_1, STRING_0, INT_1 and the like, numbered separately in each pair. It does not compile. Only "
    "fixes that a reader of the buggy function can know are kept, about 3 of 100: a guard of the value that is most "
    "likely null, strings compared by ==, the one parameter that is not used, and some twenty other kinds, each a rule "
    "on the syntax trees. Most fixes of a commit are changes of mind that no function tells.",
)
