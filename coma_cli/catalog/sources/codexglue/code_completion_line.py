"""Line completion of CodeXGLUE: the beginning of a Java or Python file as tokens, and the rest of its last line.

The published test set has no answers, so its rows are dropped. The `dev.json` and `train.json` published for UniXcoder
in the same format have answers.
"""

from collections.abc import Iterator
from pathlib import Path

from coma_cli.catalog.material import Material, UnfinishedCode
from coma_cli.catalog.sources.codexglue import shared
from coma_cli.catalog.sources.source import Source
from coma_cli.formats.data_file import Shard
from coma_cli.formats.files import matching_files
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, text_of
from coma_cli.records import Origin
from coma_cli.syntax.completable import why_not_completable

_LANGUAGES = {"javaCorpus": "java", "py150": "python", "java": "java", "python": "python"}
_RAW = r"(?P<language>javaCorpus|py150)/(?:line_completion/)?(?P<split>train|dev|test)\.json(?:\.gz)?"
# The Hub calls its only split `train`; it is upstream's test split.
_HUB = r"(?P<language>java|python)/(?:partial-)?train(?:-[\w-]+|/\d+)?\.parquet"
COLUMNS = ("input", "gt")
_START = "<s>"
_ENDS = frozenset(";{}")
WITHHELD, UNKNOWABLE = "answer-withheld", "unknowable-line"


def find(place: Path) -> list[Shard]:
    """The files of both languages, without `literals.json` and the scorer's five example answers."""
    return [
        shared.shard_of(
            found,
            split=None if "split" in found.groups else "test",
            language=_LANGUAGES[found.groups["language"]],
        )
        for found in matching_files(place, [_RAW, _HUB])
    ]


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The rows of one file, without the start token."""
    for entry in read_table(shard, COLUMNS, unique="id"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=f"id {row['id']}" if "id" in row else str(number), split=shard.split)
        before, line = text_of(row, "input"), text_of(row, "gt")
        if before is None or line is None or not before.strip():
            yield Rejected("broken-row", "input or gt is not a string", origin, row)
        elif not line.strip():
            yield Rejected(WITHHELD, "the published test set has no answers", origin, {"input": before[-500:]})
        else:
            code = before.strip().removeprefix(_START).strip()
            if shard.language == "java":
                line = _first_statement(code, line)
            why = why_not_completable(shard.language, _begun(shard.language, code), code, line)
            if why is not None:
                yield Rejected(UNKNOWABLE, why, origin, {"input": before[-500:], "gt": line})
                continue
            yield UnfinishedCode(shard.language, code, line.strip(), True, licence=shard.licence, origin=origin)


def _begun(language: str, code: str) -> str:
    """What is there of the line that the tokens stop in; in Java, of the statement."""
    if language == "python":
        return code.rpartition("<EOL>")[2].strip()
    words, start, depth = code.split(), 0, 0
    for number, word in enumerate(words, start=1):
        depth = 0 if word in "{}" else max(depth + (word == "(") - (word == ")"), 0)
        if word in _ENDS and depth == 0:
            start = number
    return " ".join(words[start:])


def _first_statement(before: str, line: str) -> str:
    """The tokens up to the first `;`, `{` or `}` outside of parentheses, those opened before included.

    Java's tokens come without line ends, and 4 of 10 answers of the slices run over several statements.
    """
    tokens = line.split()
    begun = _begun("java", before)
    depth = max(begun.count("(") - begun.count(")"), 0)
    for number, word in enumerate(tokens, start=1):
        depth += (word == "(") - (word == ")")
        if word in _ENDS and depth <= 0:
            return " ".join(tokens[:number])
    return line


SOURCE = Source(
    name="codexglue_code_completion_line",
    folder="codexglue_code_completion_line",
    url=f"{shared.URL}/Code-Code/CodeCompletion-line",
    licence=shared.LICENCE,
    citation=f"Raychev, V. et al. (2016). Probabilistic Model for Code with Decision Trees (py150). Allamanis, M. and "
    f"Sutton, C. (2013). Mining Source Code Repositories at Massive Scale (javaCorpus). In: {shared.CITATION}",
    splits="",
    gives=(UnfinishedCode,),
    find=find,
    read=read,
    bytes_per_row=2260,
    locations=(shared.hub_form("cc_code_completion_line", "d480ae0bde7b9f18677131dce01a03d6d028e964"),),
    rows=13_000,
    revision=shared.REVISION,
    notes="The code is a space-separated token sequence without layout; line ends in Python are written as <EOL>, and "
    "infrequent literals as <STR_LIT> and <NUM_LIT>. Answers in Java are cut at the end of the statement. The "
    "published test set has no answers.",
)
