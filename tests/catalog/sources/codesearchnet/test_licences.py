import gzip
import json
import pickle

import pytest

from coma_cli.catalog.sources.codesearchnet import codesearchnet
from coma_cli.catalog.sources.codesearchnet.licences import read_licences
from coma_cli.corpus.cleaning.cleaning import CleaningRules
from coma_cli.formats.data_file import BrokenSourceError, DataFile
from tests.catalog.licences.texts import BSD3, GPL, MIT
from tests.catalog.sources.codesearchnet.rows import GO, put_raw, row
from tests.catalog.sources.forms import good, put, read, zipped
from tests.dataset.builds import all_rows, build

# No real file is available: this has the formats that upstream's README shows and that its script writes.
TABLE = {
    "o/pair": ("o/pair/LICENSE", MIT),
    "o/list": [("o/list/LICENSE.md", MIT), ("o/list/COPYING", GPL), ("o/list/vendor/x/LICENSE", BSD3)],
    "o/patents": [("o/patents/PATENTS", "A grant."), ("o/patents/licenses/MIT.txt", MIT)],
    "o/strange": [("o/strange/LICENSE", "Do no evil."), 7, ("x",)],
    "o/nothing": [],
}


def put_table(path, table=TABLE, protocol=3):
    return put(path, pickle.dumps(table, protocol))


@pytest.mark.parametrize("protocol", range(6))
def test_the_nearest_licence_file_of_a_repository_counts(tmp_path, protocol):
    licences = read_licences(DataFile(put_table(tmp_path / "python_licenses.pkl", protocol=protocol)))
    asked = [
        ("o/pair", "deep/down/a.py", "MIT"),
        ("o/list", "a.py", "GPL-3.0 AND MIT"),
        ("o/list", "vendor/x/y/a.py", "BSD-3-Clause"),
        ("o/list", "vendor/a.py", "GPL-3.0 AND MIT"),
        ("o/patents", "a.py", "unknown (PATENTS)"),
        ("o/strange", "a.py", "unknown (LICENSE)"),
        ("o/nothing", "a.py", None),
        ("o/absent", "a.py", None),
    ]
    assert [licences.of(repository, path) for repository, path, _ in asked] == [licence for *_, licence in asked]


def test_an_archive_of_each_language_has_its_own_licences(tmp_path):
    """The Hub's main branch: `data/<language>.zip`, each as upstream packed it."""
    for language, text in (("python", MIT), ("go", GPL)):
        folder = tmp_path / language
        put_raw(folder, [row(language="python", repo="o/pair")]) if language == "python" else put(
            folder / "go" / "final" / "jsonl" / "train" / "go_train_0.jsonl.gz",
            gzip.compress((json.dumps(row(GO, "// Cap limits it.", language="go", repo="o/pair")) + "\n").encode()),
        )
        put_table(folder / f"{language}_licenses.pkl", {"o/pair": ("o/pair/LICENSE", text)})
        zipped(folder, tmp_path / "hub" / "data" / f"{language}.zip")
    shards = codesearchnet.find(tmp_path / "hub")
    assert [shard.name for shard in shards] == [
        "data/go.zip/go/final/jsonl/train/go_train_0.jsonl.gz",
        "data/python.zip/python/final/jsonl/train/python_train_0.jsonl.gz",
    ]
    assert [entry.licence for entry in good(read(codesearchnet.SOURCE, tmp_path / "hub"))] == ["GPL-3.0", "MIT"]


@pytest.mark.parametrize("form", ["folder", "archive", "gzip"])
def test_functions_have_their_repositorys_licence(tmp_path, form):
    rows = [row(repo=name, lines=(n, n + 9)) for n, name in enumerate(("o/pair", "o/list", "o/absent"), start=1)]
    put_raw(tmp_path / "data", rows)
    table = put_table(tmp_path / "data" / "python_licenses.pkl")
    put_table(tmp_path / "data" / "ruby_licenses.pkl", {"o/pair": ("o/pair/LICENSE", GPL)})
    if form == "gzip":
        put(tmp_path / "data" / "python_licenses.pkl.gz", gzip.compress(table.read_bytes()))
        table.unlink()
    place = zipped(tmp_path / "data", tmp_path / "python.zip") if form == "archive" else tmp_path / "data"
    found = good(read(codesearchnet.SOURCE, place))
    assert [m.licence for m in found] == ["MIT", "GPL-3.0 AND MIT", codesearchnet.LICENCE]


def test_rows_are_filtered_by_the_licence_of_their_repository(tmp_path):
    names = ("o/pair", "o/strange", "o/absent")
    rows = [
        row(f"def {word}(x):\n    x.{word}()\n    return x", f"Make {word} of a thing.", (n, n + 9), repo=name)
        for n, (name, word) in enumerate(zip(names, ("paint", "lift", "turn"), strict=True), start=1)
    ]
    put_raw(tmp_path / "sources", rows)
    put_table(tmp_path / "sources" / "python_licenses.pkl")
    flags = {"source": {"codesearchnet": str(tmp_path / "sources")}, "cleaning__licences": "permissive"}
    made = build(tmp_path / "w", tasks=["code-summarization"], validation_share=0, **flags)
    assert [(r.licence, r.output) for r in all_rows(made)] == [("MIT", "Make paint of a thing.")]
    assert made.summary["dropped"] == {"licence-not-allowed": 2}
    assert CleaningRules().licences == "any"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps([1]), "holds a list, not licences by repository"),
        (pickle.dumps(TABLE)[:-40], "truncated or malformed"),
        (b"cos\nsystem\n(S'true'\ntR.", "refers to os.system"),
    ],
)
def test_a_file_without_a_table_breaks_the_source(tmp_path, content, message):
    put_raw(tmp_path, [row()])
    put(tmp_path / "python_licenses.pkl", content)
    with pytest.raises(BrokenSourceError, match=message):
        read(codesearchnet.SOURCE, tmp_path)
