"""CodePro: how-to questions from Stack Overflow with the snippets of the accepted answer, each labelled by hand.

Upstream's repository holds the labelled snippets of about two thousand questions per language, as a Python literal. Its
larger corpus is not included (`stackexchange` mines a similar one), and its lists of ids come without texts.
"""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.catalog.material import Material, Question
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow.candidates import CodeBlock, candidates_of, language_of_name, question_url
from coma_cli.formats.data_file import BrokenSourceError, DataFile, Shard
from coma_cli.formats.fetching.locations import GitHubFiles, RemoteFile
from coma_cli.formats.files import unpacked
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import DUPLICATE_ID, shards_below
from coma_cli.formats.text import unix_lines
from coma_cli.records import Origin
from coma_cli.words import shortened

LICENCE = "unknown (no licence file)"
_COMMIT = "1b005ec5fe7a0bb5ad582d386e8ae5d6f3e24be2"
_BOM = b"\xef\xbb\xbf"


class Labelled(NamedTuple):
    """A snippet: its question's number, its position in the answer, the question's title, and the labelled code."""

    question: int
    place: int
    title: str
    block: CodeBlock


def find(place: Path) -> list[Shard]:
    """The files of labelled blocks, one per programming language."""
    return shards_below(place, ["**/*_blocks_labeled.txt", "**/*_blocks_labeled.txt.gz"], LICENCE)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """One question per group of snippets.

    Raises:
        BrokenSourceError: the file is not a list of Python literals, or is empty.
    """
    language = language_of_name(shard.name)
    entries = read_literal(shard.file)
    if not entries:
        raise BrokenSourceError(f"{shard.file} holds no rows.", "Download the file again, or exclude this source.")
    questions: dict[int, dict[int, Labelled]] = {}
    for number, entry in enumerate(entries, start=1):
        found = labelled(entry)
        origin = Origin(path=shard.name, row=str(number), split="train")
        if found is None:
            yield Rejected("broken-row", "not a labelled block in upstream's format", origin, {"entry": entry})
        elif found.place in questions.setdefault(found.question, {}):
            detail = f"({found.question}, {found.place}) is a duplicate"
            yield Rejected(DUPLICATE_ID, detail, origin, {"entry": entry})
        else:
            questions[found.question][found.place] = found
    yield from (_question(number, list(of.values()), language, shard) for number, of in questions.items() if of)


def _question(number: int, blocks: list[Labelled], language: str, shard: Shard) -> Question | Rejected:
    origin = Origin(path=shard.name, row=str(number), url=question_url(number) or "", split="train")
    candidates, answers = candidates_of(entry.block for entry in blocks)
    title = blocks[0].title.strip()
    if not title or not answers:
        detail = f"{len(blocks)} snippets, none of which is an answer" if title else "no title"
        return Rejected("no-answer", detail, origin, {"title": title})
    return Question(language, title, candidates, answers, licence=shard.licence, origin=origin, topic=str(number))


def read_literal(file: DataFile) -> list[Any]:
    """The list in a file that is one Python literal; literals are parsed, never evaluated.

    Raises:
        BrokenSourceError: the file is not UTF-8, or is not a complete list.
    """
    with unpacked(file) as handle:
        content = handle.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the file is not our warning
            value = ast.literal_eval(content.removeprefix(_BOM).decode("utf-8").strip() or "[]")
    except UnicodeDecodeError as error:
        raise BrokenSourceError(f"{file} is not UTF-8 text: {error.reason}.", "Download it again.") from error
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        reason = shortened((str(error) or type(error).__name__).splitlines()[0], 120)
        raise BrokenSourceError(f"{file} is truncated or malformed: {reason}.", "Download it again.") from error
    if not isinstance(value, list):
        raise BrokenSourceError(f"{file} holds a {type(value).__name__}, not a list.", "Use upstream's file.")
    return value


def labelled(entry: Any) -> Labelled | None:
    """An entry `((question, index), [[before], [after]], [[code]], [title], blocks, label)`, or None if malformed.

    Upstream's mining put a heading and a space before each snippet, so one leading space is removed.
    """
    match entry:
        case [(int(question), int(index)), _, [[str(code)]], [str(title)], _, (0 | 1) as label]:
            block = CodeBlock(unix_lines(code).removeprefix(" "), bool(label))
            return Labelled(question, index, " ".join(title.split()), block)
        case _:
            return None


SOURCE = Source(
    name="codepro",
    folder="codepro",
    url="https://github.com/hoogang/CodePro",
    licence=LICENCE,
    citation=(
        "CodePro: Huang, G. (2022), with the labels of StaQC: Yao, Z. et al. (2018). StaQC: A Systematically Mined"
        " Question-Code Dataset from Stack Overflow. WWW 2018."
    ),
    splits="train (the only one)",
    gives=(Question,),
    find=find,
    read=read,
    bytes_per_row=1600,
    revision=_COMMIT,
    locations=(
        GitHubFiles(
            "hoogang/CodePro",
            _COMMIT,
            (
                RemoteFile("data_hnn/python_hnn_qid2index_blocks_labeled.txt", 2_454_178),
                RemoteFile("data_hnn/sql_hnn_qid2index_blocks_labeled.txt", 1_878_528),
            ),
        ),
    ),
    rows=8_519,
    on_request="its publisher states no licence",
    notes="Upstream states no licence; the texts are from Stack Overflow (CC BY-SA). Much of the code is Python 2.",
)
