"""CodeSearchNet: two million functions from public repositories in six languages, with their documentation.

Upstream's `code` includes a Python function's docstring, and its `docstring` includes parameter lists, comment markers
and markup: these are removed here, and a function whose code still repeats a sentence of its documentation is dropped.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from coma_cli.catalog.material import Function, Material
from coma_cli.catalog.sources.codesearchnet.licences import PATTERN, read_licences
from coma_cli.catalog.sources.codesearchnet.own_documentation import own_documentation
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.aligned_text import split_name
from coma_cli.formats.data_file import DataFile, Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.files import Listed, matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.records import Origin
from coma_cli.syntax.comments import without_repeats
from coma_cli.syntax.documentation import Prose, prose_of
from coma_cli.syntax.functions import without_documentation

LANGUAGES = ("go", "java", "javascript", "php", "python", "ruby")
LICENCE = "unknown (that of each function's repository)"
CITATION = (
    "Husain, H. et al. (2019). CodeSearchNet Challenge: Evaluating the State of Semantic Code Search. arXiv:1909.09436."
)
_RAW = rf"(?P<language>{'|'.join(LANGUAGES)})/final/jsonl/(?P<split>train|valid|test)/[^/]+\.jsonl(?:\.gz)?"
# The Hub's names for the same columns; it has no `sha`.
HUB_NAMES = {
    "repository_name": "repo",
    "func_path_in_repository": "path",
    "whole_func_string": "original_string",
    "func_code_string": "code",
    "func_code_tokens": "code_tokens",
    "func_documentation_string": "docstring",
    "func_documentation_tokens": "docstring_tokens",
    "split_name": "partition",
    "func_code_url": "url",
}
COLUMNS = ("repo", "path", "func_name", "language", "code", "docstring", "url")
_LINES = re.compile(r"#L(\d+)-L(\d+)$")


def find(place: Path) -> list[Shard]:
    """The shards of all languages; the Hub's configuration `all` only where those of the languages are missing."""
    found = shared.find_tables(place, _RAW)
    own = [entry for entry in found if "all" not in entry.inner.split("/")]
    licences = {entry.groups["language"]: entry.file for entry in matching_files(place, [PATTERN])}
    return [_shard(entry, licences) for entry in own or found]


def _shard(entry: Listed, licences: Mapping[str, DataFile]) -> Shard:
    file = licences.get(entry.groups.get("language", ""))
    return shared.shard_of(entry, licence=LICENCE, companions=() if file is None else (file,))


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The documented functions of one file, each with its repository's licence if the file of licences is there."""
    licences = read_licences(shard.companions[0]) if shard.companions else None
    for entry in read_table(shard, COLUMNS, renamed=HUB_NAMES, unique="url"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        docstring = text_of(row, "docstring")
        language = str(row["language"])
        own = None if docstring is None else own_documentation(docstring, language, str(row["func_name"]))
        prose = None if own is None else prose_of(own, language)
        stated = licences.of(str(row["repo"]), str(row["path"])) if licences is not None else None
        yield function_of(row, number, replace(shard, licence=stated) if stated else shard, prose)


def function_of(row: JsonRow, number: int, shard: Shard, prose: Prose | None) -> Function | Rejected:
    """The function of one row without its documentation; `prose` is the text of that documentation."""
    origin = _origin(row, number, shard)
    code, docstring, language = text_of(row, "code"), text_of(row, "docstring"), row["language"]
    if code is None or docstring is None or language not in LANGUAGES:
        return Rejected(
            "broken-row", "code or docstring is not a string, or language is not one of the six", origin, row
        )
    function = without_documentation(str(language), without_repeats(str(language), code, docstring))
    if function is None:
        return Rejected("does-not-parse", "", origin, {"code": code})
    return Function.documented(function, prose, licence=shard.licence, origin=origin)


def _origin(row: JsonRow, number: int, shard: Shard) -> Origin:
    url, split = text_of(row, "url") or "", text_of(row, "partition")
    lines = _LINES.search(url)
    return Origin(
        path=shard.name,
        row=str(number),
        lines=(int(lines[1]), int(lines[2])) if lines else None,
        url=url,
        split=split_name(split) if split else shard.split,
    )


SOURCE = Source(
    name="codesearchnet",
    folder="codesearchnet",
    url="https://github.com/github/CodeSearchNet",
    licence=LICENCE,
    citation=CITATION,
    splits="",
    gives=(Function,),
    find=find,
    read=read,
    bytes_per_row=1200,  # for all tasks together
    reads_pieces=True,
    looks_up_companions=True,
    locations=(
        HubForm(
            "code-search-net/code_search_net",
            "89d68535541a21f192969038c5000f3e1a43373b",
            tuple(f"data/{language}.zip" for language in LANGUAGES),
            5_120_000_000,
        ),
    ),
    rows=1_880_853,
    revision="c72325a932b8d2686ea7335da55a0db01a0294e1",
    notes="Each function has the licence of its own repository, which its url names and upstream's "
    "<language>_licenses.pkl states; without that file it is unknown. Only the prose of the documentation "
    "is kept: parameter lists, examples and markup are removed.",
)
