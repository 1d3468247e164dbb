"""CodeXGLUE's filtered CodeSearchNet: functions with English documentation of three to 256 tokens, without links.

The target is upstream's own: the documentation's first paragraph. Upstream gives it as space-separated tokens, without
apostrophes and most punctuation; where the documentation has the same words, its original spelling is used (1,685 of
the 1,700 rows of Ruby's slices).
"""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Function, Material
from coma_cli.catalog.sources.codesearchnet import codesearchnet
from coma_cli.catalog.sources.codesearchnet.own_documentation import own_documentation
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected, row_origin
from coma_cli.formats.tables import read_table, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.syntax.documentation import Prose, prose_of
from coma_cli.words import words

_RAW = rf"(?P<language>{'|'.join(codesearchnet.LANGUAGES)})/(?P<split>train|valid|test)\.jsonl(?:\.gz)?"
COLUMNS = (*codesearchnet.COLUMNS, "docstring_tokens")


def find(place: Path) -> list[Shard]:
    """The files of rows that upstream's script selected, without its lists of urls (`train.txt`)."""
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
            origin = row_origin(shard, number)
            yield Rejected("broken-row", "docstring_tokens is not a list of strings", origin, row)
            continue
        target = " ".join(" ".join(tokens).split())
        prose = _as_written(target, row) if target else None
        yield codesearchnet.function_of(row, number, shard, prose)


def _as_written(target: str, row: JsonRow) -> Prose:
    """Upstream's target in the documentation's own spelling; the target itself where the words differ.

    Where upstream's documentation begins with that of a constructor, the prose of the function's own is the target.
    """
    docstring, language = text_of(row, "docstring") or "", str(row["language"])
    own = own_documentation(docstring, language, str(row["func_name"]))
    prose = prose_of(own, language)
    if prose is not None and own != docstring:
        return Prose(prose.summary, prose.summary)
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
    bytes_per_row=550,  # for all tasks together
    reads_pieces=True,
    locations=(shared.hub_form("ct_code_to_text", "2678080", 1_000_000_000),),
    rows=908_224,
    revision=shared.REVISION,
    notes="Summaries have the words of upstream's tokens; where the documentation differs, they are space-separated "
    "tokens as in upstream's files. The functions keep the licences of their repositories.",
)
