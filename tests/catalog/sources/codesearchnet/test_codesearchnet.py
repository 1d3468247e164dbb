import json

import pytest

from coma_cli.catalog.material import Function
from coma_cli.catalog.sources.codesearchnet import codesearchnet
from coma_cli.catalog.sources.codexglue import code_to_text
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin
from coma_cli.words import words
from tests.catalog.sources.codesearchnet.rows import GO, ROWS, URL, put_raw, row
from tests.catalog.sources.forms import dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

SOURCE = codesearchnet.SOURCE
HUB = {
    "repository_name": "string",
    "func_path_in_repository": "string",
    "func_name": "string",
    "whole_func_string": "string",
    "language": "string",
    "func_code_string": "string",
    "func_code_tokens": "list",
    "func_documentation_string": "string",
    "func_documentation_tokens": "list",
    "split_name": "string",
    "func_code_url": "string",
}


KEPT_ASIDE = [
    ("duplicate-id", "3"),
    ("does-not-parse", "4"),
    ("no-prose", "5"),
    ("too-short", "6"),
    ("text-language", "7"),
    ("broken-row", "8"),
    ("leaks-answer", "9"),
    ("broken-row", "10"),
]
FIT = Function(
    language="python",
    name="fit",
    header="def fit(self, rows):",
    code="def fit(self, rows):\n    total = self.add(rows, 1)\n    return total",
    summary="Fit the model to some rows.",
    description="Fit the model to some rows.",
    cuts=(),
    licence=codesearchnet.LICENCE,
    origin=Origin(
        path="python/final/jsonl/train/python_train_0.jsonl.gz",
        row="1",
        lines=(3, 9),
        url=URL.format(3, 9),
        split="train",
    ),
)


def as_hub(entry):
    """A row under the Hub's names; made from the documented columns."""
    back = {raw: hub for hub, raw in codesearchnet.HUB_NAMES.items()}
    return {back.get(name, name): value for name, value in entry.items() if name != "sha"}


def test_documentation_is_removed_from_the_code_wherever_it_is(tmp_path):
    put_raw(tmp_path)
    found = read(SOURCE, tmp_path)
    assert good(found)[0] == FIT
    cap = good(found)[1]
    assert (cap.language, cap.header, cap.code) == ("go", "func Cap(a int) int", GO)
    assert cap.summary.startswith("Cap limits what is given.")
    assert dropped(found) == KEPT_ASIDE


def test_shards_and_rows_have_their_splits(tmp_path):
    put_raw(tmp_path, ROWS[:1], "valid")
    put_raw(tmp_path, [{**ROWS[0], "partition": "test"}], "test")
    assert [(s.split, s.licence) for s in SOURCE.find(tmp_path)] == [
        ("test", codesearchnet.LICENCE),
        ("validation", codesearchnet.LICENCE),
    ]
    assert [m.origin.split for m in read(SOURCE, tmp_path)] == ["test", "train"]


def test_the_hub_format_gives_the_same_functions(tmp_path):
    put_parquet(tmp_path / "python" / "train" / "0000.parquet", [as_hub(entry) for entry in ROWS], HUB)
    put_parquet(tmp_path / "all" / "partial-train" / "0000.parquet", [as_hub(ROWS[0])], HUB)
    assert [(shard.name, shard.split) for shard in SOURCE.find(tmp_path)] == [("python/train/0000.parquet", "train")]
    put_raw(tmp_path / "raw")
    found, raw = read(SOURCE, tmp_path / "python"), read(SOURCE, tmp_path / "raw")
    assert [(m.code, m.summary, m.origin.url) for m in good(found)] == [
        (m.code, m.summary, m.origin.url) for m in good(raw)
    ]
    assert dropped(found) == KEPT_ASIDE


def test_the_configuration_of_all_languages_is_read_if_it_is_the_only_one(tmp_path):
    put_parquet(tmp_path / "all" / "validation-00000-of-00001.parquet", [as_hub(ROWS[0])], HUB)
    assert [shard.split for shard in SOURCE.find(tmp_path)] == ["validation"]


@pytest.mark.parametrize("form", ["archive", "file"])
def test_an_archive_and_a_file_give_what_the_folder_gives(tmp_path, form):
    path = put_raw(tmp_path / "raw")
    place = zipped(tmp_path / "raw", tmp_path / "python.zip") if form == "archive" else path
    assert [m.code for m in good(read(SOURCE, place))] == [FIT.code, GO]


def test_missing_columns_are_named_with_those_found(tmp_path):
    put(tmp_path / "rows.jsonl", [{"func_code_string": "x", "sha": "1"}])
    with pytest.raises(BrokenSourceError, match="it has func_code_string, sha"):
        read(SOURCE, tmp_path / "rows.jsonl")


def test_the_filtered_sets_target_has_the_spelling_of_the_documentation(tmp_path):
    rows = [
        ROWS[0],
        row(lines=(50, 51), docstring_tokens=None),
        row(lines=(52, 53), docstring_tokens=[]),
        row("def f(x):\n    # fit the model to some rows\n    x.go(1)\n    return x", lines=(54, 55)),
    ]
    for entry in rows:
        del entry["partition"]
    put(tmp_path / "dataset" / "python" / "valid.jsonl", rows)
    put(tmp_path / "dataset" / "python" / "valid.txt", URL.format(3, 9))
    found = read(code_to_text.SOURCE, tmp_path)
    assert [(m.summary, m.origin.split, m.licence) for m in good(found)] == [
        ("Fit the model to some rows.", "validation", "C-UDA-1.0"),
        ("Fit the model to some rows.", "validation", "C-UDA-1.0"),
    ]
    assert good(found)[1].code == "def f(x):\n    x.go(1)\n    return x"
    assert dropped(found) == [("broken-row", "2"), ("no-prose", "3")]


def test_the_filtered_sets_hub_format(tmp_path):
    raw = row()
    types = {name: "list" if name.endswith("tokens") else "string" for name in raw if name != "partition"}
    put_parquet(tmp_path / "python" / "test-00000-of-00001.parquet", [{"id": 0, **raw}], {"id": "int32", **types})
    (found,) = read(code_to_text.SOURCE, tmp_path)
    assert (found.summary, found.code, found.origin.split) == ("Fit the model to some rows.", FIT.code, "test")


def test_if_the_documentation_differs_the_target_is_upstreams_tokens(tmp_path):
    tokens = ["Can", "t", "fit", "a", "model", "."]
    written = row(docstring="Can't fit a `model`.", docstring_tokens=tokens)
    other = row(docstring="Fits no model at all.", docstring_tokens=tokens, lines=(60, 61))
    put(tmp_path / "python" / "test.jsonl", [written, other])
    summaries = [m.summary for m in read(code_to_text.SOURCE, tmp_path)]
    assert summaries == ["Can't fit a `model`.", "Can t fit a model."]


def reasons(entries):
    counts = {}
    for reason, _ in dropped(entries):
        counts[reason] = counts.get(reason, 0) + 1
    return counts


def test_the_real_slices_of_codesearchnet():
    place = shared_data() / SOURCE.folder
    found = read(SOURCE, place)
    counts = {}
    for material in good(found):
        counts[material.language] = counts.get(material.language, 0) + 1
    assert len(SOURCE.find(place)) == 18
    assert len(found) == 306 and sum(counts.values()) == 260
    assert {k: v for k, v in counts.items() if k != "python"} == {
        "go": 4,
        "java": 5,
        "javascript": 5,
        "php": 1,
        "ruby": 6,
    }
    assert reasons(found) == {
        "too-short": 19,
        "no-prose": 16,
        "does-not-parse": 2,
        "empty-body": 1,
        "fragment": 8,
    }
    first = next(m for m in found if m.origin.path.endswith("go_train_0.jsonl.gz"))
    assert first.header == "func (re RawExtension) MarshalJSON() ([]byte, error)"
    assert first.origin.lines == (37, 51)


@pytest.mark.slow
def test_the_real_slices_of_the_filtered_set():
    place = shared_data() / code_to_text.SOURCE.folder
    by_split = {split: read(code_to_text.SOURCE, place, split) for split in ("validation", "test")}
    assert {split: (len(good(rows)), reasons(rows)) for split, rows in by_split.items()} == {
        "validation": (852, {"too-short": 5, "fragment": 43}),
        "test": (750, {"too-short": 2, "fragment": 48}),
    }
    first = next(entry for entry in by_split["validation"] if isinstance(entry, Rejected))
    assert first.detail == "restriction: can't use flatten as it will flatten hashes"
    assert first.row["code"] == (
        "def preparse(unparsed, args = [], opts = {})\n  case unparsed\n  when Hash  then opts.merge! unparsed\n"
        "  when Array then unparsed.each { |e| preparse(e, args, opts) }\n  else args << unparsed.to_s\n  end\n"
        "  [args, opts]\nend"
    )
    targets = {m.origin.row: m.summary for m in good(by_split["test"])}
    lines = (place / "dataset" / "ruby" / "test.jsonl").read_bytes().splitlines()
    as_tokens = other_words = 0
    for number, raw in enumerate(map(json.loads, lines), start=1):
        if str(number) in targets:
            upstream = " ".join(raw["docstring_tokens"])
            other_words += words(targets[str(number)]) != words(upstream)
            as_tokens += " ." in targets[str(number)]
    assert as_tokens < 20
    assert other_words < 40  # markup, pointers and the documentation of constructors are removed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["codesearchnet", "codexglue_code_to_text"])
def test_no_code_contains_the_target_summary(name):
    source = {s.name: s for s in (SOURCE, code_to_text.SOURCE)}[name]
    found = good(read(source, shared_data() / source.folder))
    assert len(found) > 100
    for material in found:
        row = make_example(TASKS["code-summarization"], material, source.name, 0)
        answer, asked = words(row.output), " ".join(words(row.input))
        assert len(answer) < 4 or f" {' '.join(answer)} " not in f" {asked} ", material.origin
