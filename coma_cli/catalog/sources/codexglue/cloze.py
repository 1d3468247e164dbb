"""The cloze tests of CodeXGLUE: tokenized functions from CodeSearchNet's test split with one token masked.

`maxmin` masks `max` or `min`, `all` one of about 900 frequent words. The answers were never published: if a folder
`answers/LANGUAGE` has the file that upstream's scorer reads, they are taken from it; otherwise every row is dropped.
The placeholder lines in upstream's repository (`maxmin-1<CODESPLIT>token1`) do not count as answers.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coma_cli.catalog.material import Cloze, Material
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.files import lines_of, matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table
from coma_cli.records import Origin

MASK = "<mask>"
MAXMIN_CHOICES = ("max", "min")
LANGUAGES = ("go", "java", "javascript", "php", "python", "ruby")
_LANGUAGE = rf"(?P<language>{'|'.join(LANGUAGES)})"
_RAW = rf"{_LANGUAGE}/clozeTest\.json(?:\.gz)?"
_HUB = rf"{_LANGUAGE}/(?:partial-)?train(?:-[\w-]+|/\d+)?\.parquet"
_ANSWERS = rf"{_LANGUAGE}/answers\.txt"
COLUMNS = ("idx", "nl_tokens", "pl_tokens")
_BETWEEN = "<CODESPLIT>"
_PLACEHOLDER = re.compile(r"token\d+")
WITHHELD = "answer-withheld"


def find(place: Path) -> list[Shard]:
    """A file for each language; all rows are upstream's test split, which the Hub calls `train`."""
    answers = {found.groups["language"]: found.file for found in matching_files(place, [_ANSWERS])}
    return [
        shared.shard_of(
            found, split="test", language=language, companions=[answers[language]] if language in answers else ()
        )
        for found in matching_files(place, [_RAW, _HUB])
        for language in [found.groups["language"]]
    ]


def read(choices: tuple[str, ...], shard: Shard) -> Iterator[Material | Rejected]:
    """The rows of one file whose answers are among `choices`, or any word if `choices` is empty."""
    answers = _answers(shard)
    for entry in read_table(shard, COLUMNS, unique="idx"):
        yield entry if isinstance(entry, Rejected) else _cloze(shard, *entry, answers, choices)


def _cloze(
    shard: Shard, number: int, row: dict[str, object], answers: dict[str, str], choices: tuple[str, ...]
) -> Cloze | Rejected:
    key = str(row["idx"])
    origin = Origin(path=shard.name, row=key, split=shard.split)
    words, tokens = _texts(row["nl_tokens"]), _texts(row["pl_tokens"])
    if words is None or tokens is None or tokens.count(MASK) != 1:
        return Rejected("broken-row", f"the tokens are not strings, or not exactly one of them is {MASK}", origin, row)
    answer = answers.get(key, "")
    if not answer or _PLACEHOLDER.fullmatch(answer) or (choices and answer not in choices):
        return Rejected(WITHHELD, f"no answer to {key} is available", origin, row)
    return Cloze(shard.language, " ".join(words), tokens, answer, choices, licence=shard.licence, origin=origin)


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _answers(shard: Shard) -> dict[str, str]:
    lines = (line.decode("utf-8", "replace").strip() for file in shard.companions for line in lines_of(file))
    pairs = (line.partition(_BETWEEN) for line in lines if _BETWEEN in line)
    return {key.strip(): answer.strip() for key, _, answer in pairs}


def _source(
    name: str, folder: str, hub: HubForm, rows: int, choices: tuple[str, ...], notes: str, bytes_per_row: float
) -> Source:
    return Source(
        name=name,
        folder=name,
        url=f"{shared.URL}/Code-Code/{folder}",
        licence=shared.LICENCE,
        citation=shared.CITATION,
        splits="",
        gives=(Cloze,),
        find=find,
        read=partial(read, choices),
        bytes_per_row=bytes_per_row,
        locations=(hub,),
        rows=rows,
        revision=shared.REVISION,
        notes=f"{notes} All rows are upstream's test split, made from CodeSearchNet's test functions; the code is a "
        "token sequence without comments and layout.",
    )


MAXMIN = _source(
    "codexglue_cloze_maxmin",
    "ClozeTesting-maxmin",
    shared.hub_form("cc_cloze_testing_maxmin", "30c54fb"),
    2_615,
    MAXMIN_CHOICES,
    "One token, max or min, is masked.",
    2530,
)
ALL = _source(
    "codexglue_cloze_all",
    "ClozeTesting-all",
    shared.hub_form("cc_cloze_testing_all", "010d14f", 59_000_000),
    176_115,
    (),
    "One token, one of about 900 frequent words, is masked.",
    2530,
)
