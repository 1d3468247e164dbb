"""A Stack Exchange data dump, mined as CodePro did: how-to questions with certain tags, and snippets that may answer.

The answer is the first block of code in the accepted answer, or in the best-scored one if none was accepted. Wrong
candidates are its other blocks that are not code (output, tables), the blocks of the question, and those of answers
without votes. Other code in the chosen answer, and in answers with votes, may be right too, so it is excluded.

Questions and answers are far apart in a dump, so the ones needed are written to temporary files by question number and
joined file by file: memory holds a set of numbers and the content of one file.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from coma_cli.catalog.material import Material, Question
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow.candidates import CodeBlock, candidates_of
from coma_cli.catalog.sources.stackoverflow.post_blocks import asks_how_to, blocks_of, is_code_of, without_prompts
from coma_cli.catalog.sources.stackoverflow.posts import is_seven_zip, read_posts
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import Shard
from coma_cli.formats.files import list_files
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin

NAME = "stackexchange"
LICENCE = "CC-BY-SA-4.0"
# The tags that determine the language of an answer; the first that a question has counts.
TAGS: Mapping[str, str] = {
    "python-3.x": "python",
    "python-2.7": "python2",
    "python-2.x": "python2",
    "python": "python",
    "sql": "sql",
    "mysql": "sql",
    "postgresql": "sql",
    "sqlite": "sql",
    "sql-server": "sql",
    "tsql": "sql",
    "plsql": "sql",
}
_TAG = re.compile(r"[^<>|]+")
_SITE = re.compile(
    r"(?:[\w-]+\.)*(?:stackexchange|stackoverflow|serverfault|superuser|askubuntu|mathoverflow)\.(?:com|net)"
)
PART_BYTES = 64 << 20  # of the dump, for each temporary file
_MOST_PARTS = 128
_QUESTION, _ANSWER = "1", "2"


def dump(place: Path | str) -> tuple[Source, Path]:
    """A dump as a source, and its location: `Posts.xml`, an archive with it, or a folder that contains one of these.

    Raises:
        MissingInputError: there is no such file or folder.
    """
    place = Path(place)
    if not place.exists():
        raise MissingInputError(f"{place} does not exist (--stackexchange).", "Give a dump's Posts.xml or its archive.")
    return SOURCE, place


def find(place: Path) -> list[Shard]:
    """The files of posts at a location; their names tell the site, by default Stack Overflow."""
    if place.is_file():
        listed = [entry for entry in list_files(place) if not entry.file.member or _is_posts(entry.inner)]
    else:
        listed = [entry for entry in list_files(place) if _is_posts(entry.inner)]
    return [Shard(entry.file.path, entry.name, LICENCE, member=entry.file.member) for entry in listed]


def _is_posts(name: str) -> bool:
    return re.fullmatch(r"(?:.*[/-])?Posts\.(?:xml(?:\.gz)?|7z)", name) is not None


@dataclass
class _Sorted:
    """The needed part of a dump: temporary files of questions and answers, and counts of what was skipped."""

    parts: Sequence[IO[bytes]]
    questions: set[int] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self, row: Mapping[str, str]) -> None:
        """Store a row if it is a question we want, or an answer to one (answers come later in a dump)."""
        kind = row.get("PostTypeId")
        if kind not in (_QUESTION, _ANSWER):
            return
        number, parent = _number(row.get("Id")), _number(row.get("ParentId"))
        if number is None or (kind == _ANSWER and parent is None) or "Body" not in row:
            self.seen["broken-row"] += 1
        elif kind == _ANSWER and parent in self.questions:
            self._put(parent, {"answer": number, "score": _number(row.get("Score")) or 0, **_of_body(row)})
        elif kind == _QUESTION and (language := _language_of(row)):
            self._take_question(number, language, row)

    def _take_question(self, number: int, language: str, row: Mapping[str, str]) -> None:
        title = " ".join(row.get("Title", "").split())
        if not asks_how_to(title):
            self.seen["not-how-to"] += 1
        elif number in self.questions:
            self.seen["duplicate-id"] += 1
        else:
            self.questions.add(number)
            accepted = _number(row.get("AcceptedAnswerId"))
            self._put(number, {"title": title, "language": language, "accepted": accepted, **_of_body(row)})

    def _put(self, question: int, what: dict[str, Any]) -> None:
        line = json.dumps({"question": question, **what}, ensure_ascii=True)
        self.parts[question % len(self.parts)].write(line.encode() + b"\n")

    def threads(self) -> Iterator[tuple[int, dict[str, Any], list[dict[str, Any]]]]:
        """The number, the question and its ordered answers, for each question."""
        for part in self.parts:
            part.seek(0)
            asked: dict[int, dict[str, Any]] = {}
            answers: dict[int, list[dict[str, Any]]] = {}
            for line in part:
                row = json.loads(line)
                if "title" in row:
                    asked[row["question"]] = row
                else:
                    answers.setdefault(row["question"], []).append(row)
            for number in sorted(asked):
                yield number, asked[number], sorted(answers.get(number, []), key=lambda row: row["answer"])


def _of_body(row: Mapping[str, str]) -> dict[str, Any]:
    codes = [block.text for block in blocks_of(row["Body"]) if block.is_code]
    return {"codes": codes, "licence": row.get("ContentLicense", "").replace(" ", "-")}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _language_of(row: Mapping[str, str]) -> str | None:
    tags = set(_TAG.findall(row.get("Tags", "")))
    return next((language for tag, language in TAGS.items() if tag in tags), None)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """The how-to questions with known tags; skipped posts are too many to list, so they are counted at the end."""
    size = shard.file.size if is_seven_zip(shard.file) else shard.file.unpacked_size
    with ExitStack() as stack:
        count = min(_MOST_PARTS, 1 + size // PART_BYTES)
        parts = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(count)]
        posts = _Sorted(parts)
        read_posts(shard.file, posts.take)
        for number, asked, answers in posts.threads():
            yield _question(number, asked, answers, shard)
    for reason, number in sorted(posts.seen.items()):
        yield Rejected(reason, f"{number} posts", Origin(path=shard.name, split="train"))


def _question(number: int, asked: dict[str, Any], answers: list[dict[str, Any]], shard: Shard) -> Question | Rejected:
    site = _SITE.search(shard.name)
    url = f"https://{site.group(0) if site else 'stackoverflow.com'}/questions/{number}"
    origin = Origin(path=shard.name, row=str(number), url=url, split="train")
    chosen = _chosen(asked, answers)
    if chosen is None:
        return Rejected("no-answer", "no accepted answer and none with votes", origin, {"title": asked["title"]})
    others = [asked, *(row for row in answers if row is not chosen and row["score"] <= 0)]
    candidates, right = candidates_of(_blocks(asked["language"], chosen, others))
    if not right:
        return Rejected("no-answer", "the answer has no code block", origin, {"title": asked["title"]})
    licences = sorted({row["licence"] or shard.licence for row in (chosen, *others)})
    return Question(
        asked["language"],
        asked["title"],
        candidates,
        right,
        licence=" AND ".join(licences),
        origin=origin,
        topic=str(number),
    )


def _chosen(asked: dict[str, Any], answers: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The accepted answer, else the one with the most votes (the first of equals) if it has any."""
    accepted = next((row for row in answers if row["answer"] == asked["accepted"]), None)
    voted = [row for row in answers if row["score"] > 0]
    return accepted or max(voted, key=lambda row: row["score"], default=None)


def _blocks(language: str, chosen: dict[str, Any], others: list[dict[str, Any]]) -> Iterator[CodeBlock]:
    found = False
    for code in map(without_prompts, chosen["codes"]):
        is_code = is_code_of(language, code)
        if not (is_code and found):
            yield CodeBlock(code, is_code)
        found = found or is_code
    for row in others:
        yield from (CodeBlock(without_prompts(code), False) for code in row["codes"])


SOURCE = Source(
    name=NAME,
    folder=NAME,
    url="https://archive.org/details/stackexchange",
    licence=LICENCE,
    citation="Stack Exchange, Inc. Stack Exchange Data Dump.",
    splits="not split",
    gives=(Question,),
    find=find,
    read=read,
    # CodePro found 1,121,215 such questions with accepted answers in dumps of about 100 GB.
    bytes_per_row=90_000,
    reads_whole=True,
    notes="Answers were chosen by votes and rules; nobody checked them. The page of each question names its authors.",
)
