"""StaQC: questions from Stack Overflow with those snippets of the accepted answer that a model or people labelled as
answers.

Upstream publishes Python 2 pickles: titles, snippets by question (and position in the answer), and lists of snippets
that are answers. The Hub has pairs of question and snippet, and an early CodeXGLUE task has pairs with a label.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from coma_cli.catalog.material import Material, Question
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow.candidates import CodeBlock, candidates_of, language_of_name, question_url
from coma_cli.formats.data_file import BrokenSourceError, DataFile, Shard
from coma_cli.formats.fetching.locations import GitHubFiles, HubForm
from coma_cli.formats.files import Listed, lines_of, list_files, matching_files
from coma_cli.formats.plain_pickles import as_text, load_plain
from coma_cli.formats.rejected import Rejected, row_origin
from coma_cli.formats.tables import read_table, text_of
from coma_cli.formats.text import unix_lines
from coma_cli.records import Origin

LICENCE = "CC-BY-4.0"
_PACKED = r"(?:\.gz)?"
_TABLES = (
    rf"(?P<split>train|dev)_staqc\.jsonl?{_PACKED}",
    r"(?:man|mca|sca)_(?:python|sql)/(?:.*/)?[^/]*\.parquet",
)
_TITLES = rf"(?P<set>(?P<language>python|sql)_how_to_do_it_[^/]*)_qid_to_title\.pickle{_PACKED}"
_SPLITS = {"train": "train", "dev": "validation"}
_CODES, _ANSWERS, _LABELS = "codes", "answers", "labels"


class Iid(NamedTuple):
    """The id of a snippet: its question and its position in the answer."""

    question: int
    place: int


def find(place: Path) -> list[Shard]:
    """Tables of pairs; and for each pickle of titles one shard with the pickles and lists that belong to it."""
    tables = [
        Shard(f.file.path, f.name, LICENCE, _SPLITS[f.groups.get("split", "train")], member=f.file.member)
        for f in matching_files(place, _TABLES)
    ]
    everything = list(list_files(place))
    raw = [
        Shard(f.file.path, f.name, LICENCE, member=f.file.member, companions=_companions(f, everything))
        for f in matching_files(place, (_TITLES,))
    ]
    if place.is_file() and not (tables or raw) and place.suffix != ".zip":
        return [Shard(place, place.name, LICENCE)]
    return [*tables, *raw]


def _companions(titles: Listed, everything: list[Listed]) -> tuple[DataFile, ...]:
    """The snippets of the same set, the ids that a model labelled as answers, and the labels given by people."""
    language = titles.groups["language"]
    patterns = (
        rf"{re.escape(titles.groups['set'])}_(?:iid|qid)_to_code\.pickle{_PACKED}",
        rf"{language}_multi_code_iids\.txt{_PACKED}",
        rf".*{language}_annotator/all_agreed_iid_to_label\.pickle{_PACKED}",
    )
    found = []
    for pattern in patterns:
        compiled = re.compile(rf"(?:.*/)?{pattern}", re.DOTALL)
        found += [listed.file for listed in everything if compiled.fullmatch(listed.inner)][:1]
    return tuple(found)


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """One question per group of snippets."""
    name = PurePosixPath(shard.name).name
    if re.fullmatch(rf".*\.pickle{_PACKED}", name):
        return _read_pickles(shard)
    return _read_labelled(shard) if re.search(r"_staqc\.json", name) else _read_pairs(shard)


def _read_labelled(shard: Shard) -> Iterator[Material | Rejected]:
    """CodeXGLUE's rows of `doc`, `code` and a label; rows of one question need not be adjacent."""
    questions: dict[str, list[CodeBlock]] = {}
    for entry in read_table(shard, ("idx", "doc", "code", "label"), unique="idx"):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        title, code = text_of(row, "doc"), text_of(row, "code")
        if title is None or code is None or row["label"] not in (0, 1):
            origin = row_origin(shard, number)
            yield Rejected("broken-row", "doc, code or label has the wrong type", origin, row)
        else:
            questions.setdefault(" ".join(title.split()), []).append(CodeBlock(code, bool(row["label"])))
    for title, blocks in questions.items():
        yield _question(title, blocks, "python", row_origin(shard, title[:80]), shard)


def _read_pairs(shard: Shard) -> Iterator[Material | Rejected]:
    """The Hub's rows of `question_id`, `question` and `snippet`; adjacent rows of one question are joined."""
    language = language_of_name(shard.name)
    for number, group in groupby(_pairs(shard), key=lambda pair: None if isinstance(pair, Rejected) else pair[0]):
        if number is None:
            yield from (pair for pair in group if isinstance(pair, Rejected))
            continue
        pairs = [pair for pair in group if not isinstance(pair, Rejected)]
        origin = Origin(path=shard.name, row=str(number), url=question_url(number) or "", split=shard.split)
        blocks = [block for _, _, of_row in pairs for block in of_row]
        yield _question(pairs[0][1], blocks, language, origin, shard, topic=str(number))


def _pairs(shard: Shard) -> Iterator[tuple[int, str, list[CodeBlock]] | Rejected]:
    for entry in read_table(shard, ("question_id", "question", "snippet")):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        title, blocks = text_of(row, "question"), _blocks_of(row["snippet"])
        if title is None or blocks is None or question_url(row["question_id"]) is None:
            origin = row_origin(shard, number)
            yield Rejected("broken-row", "question_id, question or snippet has the wrong type", origin, row)
        else:
            yield row["question_id"], " ".join(title.split()), blocks


def _blocks_of(snippet: Any) -> list[CodeBlock] | None:
    """A string; or, for annotated answers, strings with `is_sda` (a standalone answer), as columns or objects."""
    if isinstance(snippet, str):
        return [CodeBlock(unix_lines(snippet), True)]
    if isinstance(snippet, Mapping):
        texts, alone = snippet.get("text"), snippet.get("is_sda")
        if not isinstance(texts, list) or not isinstance(alone, list) or len(texts) != len(alone):
            return None
        snippet = [{"text": text, "is_sda": is_alone} for text, is_alone in zip(texts, alone, strict=True)]
    if not isinstance(snippet, list):
        return None
    blocks = []
    for entry in snippet:
        text = text_of(entry, "text") if isinstance(entry, dict) else entry
        if not isinstance(text, str):
            return None
        blocks.append(CodeBlock(unix_lines(text), not isinstance(entry, dict) or entry.get("is_sda") is True))
    return blocks


def _read_pickles(shard: Shard) -> Iterator[Material | Rejected]:
    """Titles, snippets and their labels; without the snippets, one rejected entry for all titles."""
    titles = _mapping(shard.file)
    parts = _parts(shard.companions)
    place = Origin(path=shard.name, split=shard.split)
    if _CODES not in parts:
        detail = f"{len(titles)} titles, but the pickle of their code is missing"
        yield Rejected("missing-file", detail, place)
        return
    right = {iid for iid, label in parts.get(_LABELS, {}).items() if label == 1} | set(parts.get(_ANSWERS, ()))
    questions: dict[int, list[CodeBlock]] = {}
    for key, value in parts[_CODES].items():
        code, iid = as_text(value), _iid(key)
        if code is None or iid is None:
            yield Rejected("broken-row", "not the code of a question", place, {"key": key, "code": value})
        else:
            # By upstream's rule, the only snippet of an answer is its solution.
            questions.setdefault(iid.question, []).append(
                CodeBlock(unix_lines(code), key == iid.question or iid in right)
            )
    for number, blocks in sorted(questions.items()):
        origin = place.model_copy(update={"row": str(number), "url": question_url(number) or ""})
        title = as_text(titles.get(number))
        language = language_of_name(shard.name)
        yield _question(" ".join((title or "").split()), blocks, language, origin, shard, topic=str(number))


def _parts(companions: tuple[DataFile, ...]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for file in companions:
        name = PurePosixPath(file.member or file.path.as_posix()).name
        if "_to_code" in name:
            parts[_CODES] = _mapping(file)
        elif "_to_label" in name:
            parts[_LABELS] = {iid: label for key, label in _mapping(file).items() if (iid := _iid(key))}
        else:
            parts[_ANSWERS] = frozenset(read_iids(file))
    return parts


def _mapping(file: DataFile) -> dict[Any, Any]:
    value = load_plain(file)
    if not isinstance(value, dict):
        raise BrokenSourceError(f"{file} holds a {type(value).__name__}, not a dict.", "Use upstream's file.")
    return value


def _iid(key: Any) -> Iid | None:
    match key:
        case bool():
            return None
        case int(question):
            return Iid(question, 0)
        case (int(question), int(index)):
            return Iid(question, index)
        case _:
            return None


def read_iids(file: DataFile) -> Iterator[Iid]:
    """The ids in a file with one tuple per line.

    Raises:
        BrokenSourceError: a line is not a tuple of two numbers.
    """
    for number, line in enumerate(lines_of(file), start=1):
        try:
            iid = _iid(ast.literal_eval(line.decode("ascii").strip())) if line.strip() else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            iid = None
        if iid is None and line.strip():
            raise BrokenSourceError(f"{file}:{number}: not a tuple of question and index.", "Download it again.")
        if iid is not None:
            yield iid


def _question(
    title: str, blocks: list[CodeBlock], language: str, origin: Origin, shard: Shard, topic: str = ""
) -> Question | Rejected:
    candidates, answers = candidates_of(blocks)
    if not title or not answers:
        detail = f"{len(blocks)} snippets, none of which is an answer" if title else "no title"
        return Rejected("no-answer", detail, origin, {"title": title})
    return Question(language, title, candidates, answers, licence=shard.licence, origin=origin, topic=topic)


SOURCE = Source(
    name="staqc",
    folder="staqc",
    url="https://github.com/LittleYUYU/StackOverflow-Question-Code-Dataset",
    licence=LICENCE,
    citation=(
        "Yao, Z. et al. (2018). StaQC: A Systematically Mined Question-Code Dataset from Stack Overflow. WWW 2018."
    ),
    splits="",
    gives=(Question,),
    find=find,
    read=read,
    bytes_per_row=1400,
    locations=(
        HubForm(
            "koutch/staqc",
            "refs/convert/parquet",
            tuple(f"{kind}_{language}/*.parquet" for kind in ("man", "mca", "sca") for language in ("python", "sql")),
            57_000_000,
        ),
        GitHubFiles(
            "LittleYUYU/StackOverflow-Question-Code-Dataset",
            "049526f74c30a472280bb9871920d9cd9719d164",
            kind="archive",
            about=72_000_000,
        ),
    ),
    rows=267_065,
    revision="049526f74c30a472280bb9871920d9cd9719d164",
    notes="Most answers were found by a model; the texts are from Stack Overflow (CC BY-SA). Much is Python 2.",
)
