"""CodeCapybara's seed code: plain functions by programming language, in the layout that its generator reads."""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Material, Snippet
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.files import matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, text_of
from coma_cli.languages import UNSPECIFIED
from coma_cli.records import Origin
from coma_cli.syntax.code_layout import undouble_lines

LICENCE = "unknown (that of each function's repository)"
# Source: CodeCapybara, data_generation/data_generation.py, load_data, at commit ef2a0d1: ten folders, two locations.
LANGUAGES = ("python", "go", "java", "javascript", "ruby", "php", "c", "cpp", "csharp", "rust")
_FOLDERS = "|".join(LANGUAGES)
_PACKED = r"(?:\.gz)?"
_PLACES = (
    rf"(?P<language>{_FOLDERS})/train\.jsonl{_PACKED}",
    rf"(?P<language>{_FOLDERS})/final/extract_function_train\.jsonl{_PACKED}",
)


def find(place: Path) -> list[Shard]:
    """One file per language, from the first of its two locations; missing languages are skipped (upstream stops)."""
    if place.is_file() and place.suffix != ".zip":
        return [Shard(place, place.name, LICENCE)]
    chosen: dict[str, Shard] = {}
    for pattern in _PLACES:
        for listed in matching_files(place, (pattern,)):
            language = listed.groups["language"]
            shard = Shard(listed.file.path, listed.name, LICENCE, member=listed.file.member, language=language)
            chosen.setdefault(language, shard)
    return [chosen[language] for language in LANGUAGES if language in chosen]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The functions of one language. Ids are unique within a file only, and may be missing."""
    for entry in read_table(shard, ("code",), unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number), split="train")
        code = text_of(row, "code")
        if code is None:
            yield Rejected("broken-row", "code is not a string", origin, row)
        elif not code.strip():
            yield Rejected("empty-code", "", origin, row)
        else:
            yield Snippet(
                shard.language or UNSPECIFIED, undouble_lines(code).rstrip(), licence=shard.licence, origin=origin
            )


SOURCE = Source(
    name="codecapybara_seed",
    folder="codecapybara_seed",
    url="https://github.com/FSoft-AI4Code/CodeCapybara",
    licence=LICENCE,
    citation="FSoft AI4Code (2023). CodeCapybara: Code Instruction Tuning.",
    splits="train (the only one)",
    gives=(Snippet,),
    find=find,
    read=read,
    bytes_per_row=1400,
    reads_pieces=True,
    revision="ef2a0d1cb1059ab8e0ea0b719befea04a5ae9262",
    notes="Upstream never published its seed code; these are your own files in its layout.",
)
