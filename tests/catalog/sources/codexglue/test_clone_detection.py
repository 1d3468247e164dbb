import json
import random
from collections import Counter

import pytest

from coma_cli.catalog.material import ClonePair
from coma_cli.catalog.sources.codexglue.clone_detection import SOURCE
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.records import Origin
from tests.catalog.sources.forms import counted, dropped, good, put, put_parquet, read, zipped
from tests.requirements import shared_data

FUNCTIONS = [
    {"func": "    int a() {\n        return 1;\n    }\n", "idx": "11"},
    {"func": "    int b() {\n        return 2;\n    }\n", "idx": "12"},
    {"func": "    int a() {\n        return 1;\n    }\n", "idx": "13"},
    {"func": None, "idx": "14"},
    {"func": "int other() {}", "idx": "12"},
]
PAIRS = "11\t12\t1\n12\t13\t0\n11\t13\t1\n13\t12\t1\n12\t99\t0\n11\t14\t0\n11\t12\t2\n11\t12\n\n"
HUB = {"id": "int32", "id1": "int32", "id2": "int32", "func1": "string", "func2": "string", "label": "bool"}


def put_raw(folder, split="train"):
    put(folder / "dataset" / "data.jsonl", FUNCTIONS)
    put(folder / "dataset" / f"{split}.txt", PAIRS)


def test_pairs_find_their_functions_or_are_rejected_with_the_reason(tmp_path):
    put_raw(tmp_path)
    found = read(SOURCE, tmp_path)
    a, b = "int a() {\n    return 1;\n}", "int b() {\n    return 2;\n}"
    assert good(found) == [
        ClonePair(
            "java",
            a,
            b,
            True,
            licence="C-UDA-1.0",
            origin=Origin(path="dataset/train.txt", row="11 12", split="train"),
        ),
        ClonePair(
            "java",
            b,
            a,
            False,
            licence="C-UDA-1.0",
            origin=Origin(path="dataset/train.txt", row="12 13", split="train"),
        ),
    ]
    assert dropped(found) == [
        ("duplicate-id", "5"),  # of data.jsonl
        ("same-text", "11 13"),
        ("duplicate-id", "13 12"),
        ("missing-function", "line 5"),
        ("broken-row", "11 14"),
        ("broken-row", "11 12"),
        ("broken-row", "line 8"),
    ]


def test_without_its_functions_a_pair_file_is_broken_as_a_whole(tmp_path):
    put(tmp_path / "train.txt", PAIRS)
    with pytest.raises(BrokenSourceError, match=r"no data.jsonl beside it"):
        read(SOURCE, tmp_path)
    put(tmp_path / "data.jsonl", FUNCTIONS)
    put(tmp_path / "train.txt", "")
    with pytest.raises(BrokenSourceError, match="holds no pairs"):
        read(SOURCE, tmp_path)


@pytest.mark.parametrize("form", ["file", "zip"])
def test_a_pair_file_alone_and_an_archive_find_the_functions(tmp_path, form):
    put_raw(tmp_path / "raw", "valid")
    place = tmp_path / "raw" / "dataset" / "valid.txt"
    if form == "zip":
        place = zipped(tmp_path / "raw", tmp_path / "dataset.zip")
    assert len(good(read(SOURCE, place, "validation"))) == 2


def test_the_hub_format_gives_the_same_pairs(tmp_path):
    put_raw(tmp_path / "raw")
    text = {row["idx"]: row["func"] for row in FUNCTIONS[:3]}
    rows = [
        {"id": n, "id1": int(one), "id2": int(two), "func1": text[one], "func2": text[two], "label": label}
        for n, (one, two, label) in enumerate([("11", "12", True), ("12", "13", False), ("11", "13", True)])
    ]
    rows.append({**rows[0], "id": 9, "func2": None, "id2": 77})
    rows.append({**rows[0], "id": 10, "label": None, "id2": 78})
    put_parquet(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet", rows, HUB)
    found = read(SOURCE, tmp_path / "hub")
    raw = good(read(SOURCE, tmp_path / "raw"))
    assert [(m.first, m.second, m.clones) for m in good(found)] == [(m.first, m.second, m.clones) for m in raw]
    assert dropped(found) == [("same-text", "11 13"), ("broken-row", "11 77"), ("broken-row", "11 78")]


def test_clones_that_call_nothing_in_common_are_dropped(tmp_path):
    copy = "void copy(File a, File b) { Files.copy(a.toPath(), b.toPath()); log.info(a.getName()); }"
    show = "void show(Shell shell) { MessageBox box = new MessageBox(shell); box.setText(title()); box.open(); }"
    sort = "void sort(int[] v) { for (int i = 0; i < v.length; i++) sift(v, i); }"
    texts = [copy, show, sort, copy.replace("info", "debug")]
    put(tmp_path / "dataset" / "data.jsonl", [{"idx": str(n), "func": text} for n, text in enumerate(texts)])
    pairs = ["0\t1\t1", "1\t3\t0", "0\t2\t1", "0\t3\t1"]
    put(tmp_path / "dataset" / "train.txt", "\n".join(pairs))
    found = read(SOURCE, tmp_path)
    assert [m.origin.row for m in good(found)] == ["1 3", "0 2", "0 3"]
    assert dropped(found) == [("unlike-clones", "0 1")]


def test_non_clones_that_do_the_same_are_dropped(tmp_path):
    fetch = (
        "String load(URL url) { URLConnection link = url.openConnection(); return new Reader(link.getInputStream()); }"
    )
    texts = [fetch, fetch.replace("load", "ask").replace("return", "log.info(url); return"), "int two() { return 2; }"]
    put(tmp_path / "dataset" / "data.jsonl", [{"idx": str(n), "func": text} for n, text in enumerate(texts)])
    put(tmp_path / "dataset" / "train.txt", "0\t1\t0\n1\t2\t0")
    found = read(SOURCE, tmp_path)
    assert [m.origin.row for m in good(found)] == ["1 2"]
    assert dropped(found) == [("alike-non-clones", "0 1")]


def stripped(code):
    return [line.strip() for line in code.split("\n")]


def test_the_real_slices():
    place = shared_data() / SOURCE.folder
    assert counted(SOURCE, place) == {
        "dataset/test.txt": (874, 745),  # four positive pairs are one text under two ids
        "dataset/train.txt": (0, 3000),
        "dataset/valid.txt": (0, 1500),
    }
    found = read(SOURCE, place, "test")
    assert Counter(reason for reason, _ in dropped(found)) == {
        "same-text": 4,
        "unlike-clones": 542,
        "alike-non-clones": 199,
    }
    pairs = good(found)
    assert Counter(p.clones for p in pairs) == {False: 621, True: 253}
    first = pairs[0]
    assert (first.origin.row, first.clones) == ("13644375 6371589", False)
    assert first.first == (
        "public String get(String url) {\n    try {\n        HttpGet get = new HttpGet(url);\n"
        "        HttpResponse response = this.getHttpClient().execute(get);\n"
        "        HttpEntity entity = response.getEntity();\n        if (entity == null) {\n"
        '            throw new RuntimeException("response body was empty");\n        }\n'
        "        return EntityUtils.toString(entity);\n    } catch (RuntimeException ex) {\n        throw ex;\n"
        "    } catch (Exception ex) {\n        throw new RuntimeException(ex);\n    }\n}"
    )
    # The functions are upstream's but for margin and the line end at their close.
    raw = {
        row["idx"]: row["func"] for row in map(json.loads, (place / "dataset" / "data.jsonl").read_bytes().splitlines())
    }
    for pair in random.Random(4).sample(pairs, 200):
        for key, code in zip(pair.origin.row.split(), (pair.first, pair.second), strict=True):
            assert [line.strip() for line in code.split("\n")] == [
                line.strip() for line in raw[key].strip().split("\n")
            ]
