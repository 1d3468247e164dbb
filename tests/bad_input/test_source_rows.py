"""Rows of any types in the columns of every source: each gives material or is rejected, none stops the reader."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.examples import make_example
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.formats.rejected import Rejected
from tests.catalog.sources.forms import put

FORMS = {
    "codesearchnet": ("python/final/jsonl/train/a.jsonl", "repo path func_name language code docstring url partition"),
    "codexglue_code_to_text": (
        "ruby/train.jsonl",
        "repo path func_name language code docstring url docstring_tokens",
    ),
    "codexglue_clone_detection": ("data/train.jsonl", "id1 id2 func1 func2 label id"),
    "codexglue_defect_detection": ("dataset/train.jsonl", "func target project commit_id idx"),
    "codexglue_code_refinement": ("small/rows.jsonl", "buggy fixed id"),
    "codexglue_code_translation": ("data/rows.jsonl", "java cs id"),
    "codexglue_code_completion_line": ("py150/train.json", "input gt id"),
    "codegpt": ("code-basic/Java.json", "user assistant"),
    "conala": ("conala-train.json", "question_id intent rewritten_intent snippet"),
    "codecapybara_seed": ("go/train.jsonl", "code id"),
    "codecapybara_generated": (
        "generated_data.jsonl",
        "code instruction language pass_1st pass_1st_reason pass_2nd pass_2nd_reason gen_code id",
    ),
    "codexglue_cloze_maxmin": ("go/clozeTest.json", "idx nl_tokens pl_tokens"),
}
text = st.text(max_size=12) | st.sampled_from(
    ["python", "go", "def f(x):\n    return x", "func f() {}", "<mask>", "a b c"]
)
scalar = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | text
value = scalar | st.lists(scalar, max_size=3) | st.dictionaries(st.text(max_size=3), scalar, max_size=2)


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_no_row_stops_the_reading(tmp_path_factory, name, data):
    file, columns = FORMS[name]
    row = st.fixed_dictionaries(dict.fromkeys(columns.split(), value))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    folder = tmp_path_factory.mktemp("rows")
    path = put(folder / file, "".join(json.dumps(entry) + "\n" for entry in rows))
    source = SOURCES[name]
    place = path if source.find(path) else folder
    found = [entry for shard in source.find(place) for entry in source.read(shard)]
    assert len(found) == len(rows)
    for entry in found:
        made = (
            [] if isinstance(entry, Rejected) else [make_example(TASKS[task], entry, name, 0) for task in source.tasks]
        )
        assert all(example is None or (example.source, example.licence) == (name, entry.licence) for example in made)


lines = st.lists(st.text("0123 -\tx\r", max_size=8) | st.sampled_from(["1\t2\t0", "0", "1"]), min_size=1, max_size=6)


@given(lines=lines, functions=st.lists(value, max_size=3))
@settings(max_examples=40)
def test_no_index_stops_the_reading(tmp_path_factory, lines, functions):
    folder = tmp_path_factory.mktemp("indexes")
    put(folder / "function.json", functions)
    put(folder / "train.txt", "\n".join(lines) + "\n")
    source = SOURCES["codexglue_defect_detection"]
    found = [entry for shard in source.find(folder) for entry in source.read(shard)]
    assert len(found) == sum(bool(line.strip()) for line in lines)
    put(folder / "data.jsonl", [{"func": "int a() {}", "idx": "1"}, {"func": "int b() {}", "idx": 2}])
    source = SOURCES["codexglue_clone_detection"]
    found = [entry for shard in source.find(folder) for entry in source.read(shard)]
    assert len(found) == sum(bool(line.strip()) for line in lines)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"{", b"[1, 2]", b'{"a": 1}', b"\x1f\x8b\x08cut"])
def test_a_file_that_is_not_a_table_is_a_broken_source(tmp_path, name, content):
    path = put(tmp_path / FORMS[name][0], content)
    source = SOURCES[name]
    shards = source.find(path) or source.find(tmp_path)
    assert shards
    with pytest.raises(BrokenSourceError):
        [list(source.read(shard)) for shard in shards]
