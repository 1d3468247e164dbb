"""CodeXGLUE's filtered CodeSearchNet: functions whose documentation is English, three to 256 tokens long, and no link.

What is asked for is upstream's own target, the documentation's first paragraph. Upstream gives it as tokens between
blanks, without apostrophes and most signs; where the documentation has the same words, they are written as they stand
there (1,685 of the 1,700 rows of Ruby's slices).
"""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Function, Material
from coma_cli.catalog.sources.codesearchnet import codesearchnet
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, text_of
from coma_cli.records import Origin
from coma_cli.syntax.documentation import Prose, prose_of
from coma_cli.words import words

_RAW = rf"(?P<language>{'|'.join(codesearchnet.LANGUAGES)})/(?P<split>train|valid|test)\.jsonl(?:\.gz)?"
COLUMNS = (*codesearchnet.COLUMNS, "docstring_tokens")


def find(place: Path) -> list[Shard]:
    """The rows that upstream's script picks out; its lists of urls (`train.txt`) hold none."""
    return [shared.shard_of(found) for found in shared.find_tables(place, _RAW) if found.file.path.suffix != ".txt"]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The documented functions of one file."""
    for entry in read_table(shard, COLUMNS, renamed=codesearchnet.HUB_NAMES, unique="url"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        tokens = row["docstring_tokens"]
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            origin = Origin(path=shard.name, row=str(number), split=shard.split)
            yield Rejected("broken-row", "docstring_tokens is no list of texts", origin, row)
            continue
        target = " ".join(" ".join(tokens).split())
        prose = _as_written(target, text_of(row, "docstring") or "", str(row["language"])) if target else None
        yield codesearchnet.function_of(row, number, shard, prose)


def _as_written(target: str, docstring: str, language: str) -> Prose:
    """What upstream's target says in the documentation's own writing; the target where the two have other words."""
    prose = prose_of(docstring, language)
    text = prose.summary if prose is not None and words(prose.summary) == words(target) else target
    return Prose(text, text)


SOURCE = Source(
    name="codexglue_code_to_text",
    folder="codexglue_code_to_text",
    url=f"{shared.URL}/Code-Text/code-to-text",
    licence=shared.LICENCE,
    citation=f"{codesearchnet.CITATION} In: {shared.CITATION}",
    splits="",
    gives=(Function,),
    find=find,
    read=read,
    bytes_per_row=550,  # of all tasks together
    reads_pieces=True,
    hub=shared.hub_form("ct_code_to_text"),
    revision=shared.REVISION,
    notes="Texts say what upstream's tokens say; where the documentation has other words they stand between blanks as "
    "upstream wrote them. The functions keep the licences of their repositories.",
)
