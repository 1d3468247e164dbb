"""CodeTrans of CodeXGLUE: the same functions in Java and C#, from projects that were ported by hand."""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Material, Translation
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.aligned_text import read_pairs
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected, row_origin
from coma_cli.formats.tables import read_text_pairs
from coma_cli.records import row_seed
from coma_cli.syntax.ported_functions import why_not_port

_RAW = r"(?P<split>train|valid|test)\.java-cs\.txt\.(?P<side>java|cs)(?:\.gz)?"
COLUMNS = ("java", "cs")


def find(place: Path) -> list[Shard]:
    """Pairs of files, or the Hub's Parquet files."""
    return shared.find_pairs_or_tables(place, _RAW, COLUMNS)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The pairs of one file, each in one direction only: the reverse row would contain its answer.

    The direction depends on a hash of the text, so it is the same wherever the pair is found.
    """
    for entry in read_pairs(shard) if ".java-cs.txt." in shard.name else read_text_pairs(shard, COLUMNS):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, java, csharp = entry
        origin = row_origin(shard, number)
        reason = _reject(java, csharp)
        if reason is not None:
            yield Rejected(*reason, origin, {"java": java, "cs": csharp})
            continue
        if row_seed(0, java) % 2:
            yield Translation("csharp", csharp, "java", java, False, licence=shard.licence, origin=origin)
        else:
            yield Translation("java", java, "csharp", csharp, False, licence=shard.licence, origin=origin)


def _reject(java: str, csharp: str) -> tuple[str, str] | None:
    """Why a pair teaches no translation: there is nothing to translate, or the two functions do different things."""
    if "".join(java.split()) == "".join(csharp.split()):
        return "same-text", "they differ in whitespace only"
    difference = why_not_port(java, csharp)
    return ("not-a-port", difference) if difference else None


SOURCE = Source(
    name="codexglue_code_translation",
    folder="codexglue_code_translation",
    url=f"{shared.URL}/Code-Code/code-to-code-trans",
    licence=shared.LICENCE,
    citation=shared.CITATION,
    splits="",
    gives=(Translation,),
    find=find,
    read=read,
    bytes_per_row=412,
    locations=(shared.hub_form("cc_code_to_code_trans", "d5478a4", 2_000_000),),
    rows=10_300,
    revision=shared.REVISION,
    notes="Upstream wrote each function on one line and removed layout and comments; names and literals are real. "
    "Each pair is used in one direction, chosen by a hash of its text. Pairs whose functions differ are dropped "
    "(about half): one side is a stub, or name, parameters, strings, numbers or the words in the names differ.",
)
