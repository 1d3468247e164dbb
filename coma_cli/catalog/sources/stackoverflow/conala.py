"""CoNaLa: short Python snippets from Stack Overflow, each with an intent written or rewritten by people."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from coma_cli.catalog.material import Material, Question
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow.candidates import question_url
from coma_cli.formats.data_file import Shard
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table, shards_below, text_of
from coma_cli.jsonl import JsonRow
from coma_cli.records import Origin

LICENCE = "MIT"
COLUMNS = ("question_id", "intent", "rewritten_intent", "snippet")


def find(place: Path) -> list[Shard]:
    """The curated rows; the mined ones (`conala-mined.jsonl`, unchecked) are only read if that file is given."""
    forms = ("json", "jsonl", "json.gz", "jsonl.gz")
    raw = [
        f"{stem}-{split}.{form}"
        for stem in ("conala", "conala-paired")
        for split in ("train", "test")
        for form in forms
    ]
    hub = [f"curated/{split}{rest}" for split in ("train", "test") for rest in ("/*.parquet", "-*.parquet")]
    names = [f"**/{name}" for name in (*raw, *hub)]
    return [replace(shard, split=_split_of(shard.name)) for shard in shards_below(place, names, LICENCE)]


def _split_of(name: str) -> str:
    path = PurePosixPath(name)
    return (
        "test"
        if path.parent.name == "test" or path.name.startswith(("conala-test", "conala-paired-test", "test"))
        else "train"
    )


def read(shard: Shard) -> Iterator[Material | Rejected]:
    """A question for each row: the rewritten intent, which names the snippet's variables, else the original one."""
    for entry in read_table(shard, ("question_id", "intent", "snippet")):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number), url=question_url(row["question_id"]) or "", split=shard.split)
        question = _question(row, shard.licence, origin)
        yield question or Rejected("broken-row", "question_id, intent or snippet has the wrong type", origin, row)


def _question(row: JsonRow, licence: str, origin: Origin) -> Question | None:
    text, snippet = text_of(row, "rewritten_intent"), text_of(row, "snippet")
    text = text if text and text.strip() not in ("", "None") else text_of(row, "intent")
    if not origin.url or text is None or snippet is None or not text.strip() or not snippet.strip():
        return None
    return Question(
        "python",
        text.strip(),
        (snippet.strip("\n").rstrip(),),
        (0,),
        licence=licence,
        origin=origin,
        topic=str(row["question_id"]),
    )


SOURCE = Source(
    name="conala",
    folder="conala",
    url="https://conala-corpus.github.io/",
    licence=LICENCE,
    citation=(
        "Yin, P. et al. (2018). Learning to Mine Aligned Code and Natural Language Pairs from Stack Overflow. MSR 2018."
    ),
    splits="",
    gives=(Question,),
    find=find,
    read=read,
    bytes_per_row=250,
    reads_pieces=True,
    locations=(HubForm("neulab/conala", "main", ("data/conala-paired-*.json",), 627_077),),
    rows=2_379,
    revision="conala-corpus v1.1",
    notes="Published under MIT; the texts are from Stack Overflow (CC BY-SA). Some snippets are Python 2.",
)
