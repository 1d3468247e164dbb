import gzip
import json
import pickle

import pytest

from coma_cli.catalog.material import Question
from coma_cli.catalog.sources.stackoverflow import staqc
from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.plain_pickles import load_plain
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import FORMS, reasons, write, write_form, write_parquet
from tests.requirements import shared_data

LABELLED = [
    {"idx": 1, "doc": "How do I  join?", "code": "a.join(b)\n", "label": 1},
    {"idx": 2, "doc": "How do I sort?", "code": "1 2 3\n", "label": 0},
    {"idx": 3, "doc": "How do I join?", "code": "print b\n", "label": 0},
    {"idx": 3, "doc": "How do I join?", "code": "again\n", "label": 0},
    {"idx": 5, "doc": None, "code": "x", "label": 0},
    {"idx": 6, "doc": "What?", "code": "x", "label": 2},
]


@pytest.mark.parametrize("form", FORMS[:4])
def test_labelled_rows_of_a_question_are_joined(tmp_path, form):
    write_form(form, tmp_path, "codexglue_webquery/dev_staqc", LABELLED)
    (shard,) = staqc.find(tmp_path)
    found = list(staqc.read(shard))
    assert good(found) == [
        Question(
            language="python",
            text="How do I join?",
            candidates=("a.join(b)", "print b"),
            answers=(0,),
            licence="CC-BY-4.0",
            origin=Origin(path=shard.name, row="How do I join?", split="validation"),
        )
    ]
    assert [reason for reason, _ in reasons(found)] == ["duplicate-id", "broken-row", "broken-row", "no-answer"]


# No real rows in the Hub's format are available: these follow the schema of its dataset card.
MULTIPLE = [
    {"id": 1, "question_id": 5, "question": "How to add?", "snippet": "a + b"},
    {"id": 2, "question_id": 5, "question": "How to add?", "snippet": "sum((a, b))"},
    {"id": 3, "question_id": 6, "question": "How to cut?", "snippet": "a[1:]\r\n"},
    {"id": 4, "question_id": None, "question": "How to cut?", "snippet": "a[1:]"},
]
ANNOTATED = [
    {
        "id": 1,
        "question_id": 9,
        "question": "How to select?",
        "snippet": {"text": ["SELECT 1", "id\n1"], "is_sda": [True, False]},
    }
]


def test_the_hubs_columns(tmp_path):
    write_parquet(tmp_path / "mca_python" / "train" / "0000.parquet", MULTIPLE)
    write_parquet(tmp_path / "man_sql" / "train" / "0000.parquet", ANNOTATED)
    found = read(staqc.SOURCE, tmp_path)
    assert [(e.language, e.text, e.candidates, e.answers, e.topic) for e in good(found)] == [
        ("sql", "How to select?", ("SELECT 1", "id\n1"), (0,), "9"),
        ("python", "How to add?", ("a + b", "sum((a, b))"), (0, 1), "5"),
        ("python", "How to cut?", ("a[1:]",), (0,), "6"),
    ]
    assert [reason for reason, _ in reasons(found)] == ["broken-row"]
    assert good(found)[0].origin.url == "https://stackoverflow.com/questions/9"


@pytest.mark.parametrize(
    ("snippet", "blocks"),
    [
        ("x", [("x", True)]),
        (["x", "y"], [("x", True), ("y", True)]),
        ([{"text": "x", "is_sda": False}], [("x", False)]),
        ({"text": ["x"], "is_sda": [1]}, [("x", False)]),
        ({"text": ["x"], "is_sda": []}, None),
        ({"text": "x"}, None),
        ([3], None),
        (None, None),
    ],
)
def test_snippets_come_in_several_shapes(tmp_path, snippet, blocks):
    row = {"question_id": 5, "question": "How to add?", "snippet": snippet}
    (found,) = read(staqc.SOURCE, write(tmp_path / "mca_python.jsonl", json.dumps(row)))
    if blocks is None:
        assert reasons([found]) == [("broken-row", "question_id, question or snippet has the wrong type")]
    elif any(answers for _, answers in blocks):
        assert [(code, n in found.answers) for n, code in enumerate(found.candidates)] == blocks
    else:
        assert reasons([found]) == [("no-answer", "1 snippets, none of which is an answer")]


SET = "sql_how_to_do_it_by_classifier_multiple"
SOURCE_FOLDER = "annotation_tool/data/code_solution_labeled_data/source"


def raw_layout(folder, *, with_codes=True, suffix=""):
    """Upstream's layout with its pickles in protocol 0, as Python 2 wrote them: byte texts and tuples as keys."""
    titles = {4: "Join two tables", 5: "Drop é", 6: "Nothing answers"}
    codes = {
        (4, 0): b"SELECT * FROM a",
        (4, 1): b"id | name",
        (4, 2): "SELECT 'é'".encode("latin-1"),
        (5, 0): "DROP é".encode(),
        (6, 0): b"?",
        (7, 0): b"SELECT 7",
        "odd": b"x",
    }

    def dump(name, value):
        content = python2_pickle(value)
        write(folder / f"{name}{suffix}", gzip.compress(content) if suffix else content)

    dump(f"{SOURCE_FOLDER}/{SET}_qid_to_title.pickle", titles)
    if with_codes:
        dump(f"{SOURCE_FOLDER}/{SET}_iid_to_code.pickle", codes)
    dump("annotation_tool/crowd_sourcing/sql_annotator/all_agreed_iid_to_label.pickle", {(5, 0): 1, (6, 0): 0})
    write(folder / "final_collection" / "sql_multi_code_iids.txt", "(4, 0)\n(4, 2)\n")
    return folder


def python2_pickle(value):
    """Protocol 0 with byte texts as Python 2's `str`, which Python 3 has no way to write by itself."""
    stand_ins = {}

    def plain(part):
        if isinstance(part, bytes):
            stand_ins[name] = (name := f"stand-in {len(stand_ins)}") and part
            return name
        if isinstance(part, dict):
            return {plain(key): plain(inner) for key, inner in part.items()}
        return part

    content = pickle.dumps(plain(value), protocol=0)
    for name, part in reversed(stand_ins.items()):
        content = content.replace(f"V{name}\n".encode(), b"S" + repr(part)[1:].encode() + b"\n")
    return content


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_pickles_of_upstream(tmp_path, suffix):
    found = read(staqc.SOURCE, raw_layout(tmp_path, suffix=suffix))
    assert [(e.topic, e.text, e.candidates, e.answers) for e in good(found)] == [
        ("4", "Join two tables", ("SELECT * FROM a", "id | name", "SELECT 'é'"), (0, 2)),
        ("5", "Drop é", ("DROP é",), (0,)),
    ]
    assert {e.language for e in good(found)} == {"sql"}
    assert reasons(found) == [
        ("broken-row", "not the code of a question"),
        ("no-answer", "1 snippets, none of which is an answer"),
        ("no-answer", "no title"),
    ]


def test_the_only_snippet_of_an_answer_is_the_answer(tmp_path):
    name = "python_how_to_do_it_qid_by_classifier_unlabeled_single_code_answer"
    write(tmp_path / f"{name}_qid_to_title.pickle", pickle.dumps({3: "How?"}, protocol=0))
    write(tmp_path / f"{name}_qid_to_code.pickle", python2_pickle({3: b"f(x)\r\n"}))
    (entry,) = read(staqc.SOURCE, tmp_path)
    assert (entry.language, entry.candidates, entry.answers) == ("python", ("f(x)",), (0,))


def test_titles_without_their_code_are_counted_once(tmp_path):
    assert reasons(read(staqc.SOURCE, raw_layout(tmp_path, with_codes=False))) == [
        ("missing-file", "3 titles, but the pickle of their code is missing")
    ]


@pytest.mark.parametrize("content", ["(4, 0)\n(5)\nnonsense\n", "(4, 0\n", "__import__('os')\n", "('a', 1)\n"])
def test_lines_that_are_not_ids_break_the_source(tmp_path, content):
    raw_layout(tmp_path)
    write(tmp_path / "final_collection" / "sql_multi_code_iids.txt", content)
    with pytest.raises(BrokenSourceError, match="sql_multi_code_iids"):
        read(staqc.SOURCE, tmp_path)


def test_the_real_slices():
    by_file = {shard.name: list(staqc.read(shard)) for shard in staqc.find(shared_data() / "staqc")}
    counts = {name: (len(good(rows)), len(reasons(rows))) for name, rows in by_file.items()}
    titles = "source/sql_how_to_do_it_by_classifier_multiple_qid_to_title.pickle"
    assert counts == {
        "codexglue_webquery/dev_staqc.json": (388, 398),
        "codexglue_webquery/train_staqc.json": (1006, 721),
        titles: (0, 1),
    }
    assert reasons(by_file[titles]) == [("missing-file", "4000 titles, but the pickle of their code is missing")]
    first = good(by_file["codexglue_webquery/train_staqc.json"])[0]
    assert first.text == "Python: Extract hrefs inside a div"
    assert first.candidates[1] == "/accounting?id=265\n/downloadpdf?id=265&type=pdf\n/downloadpdf?id=265&type=file"
    assert first.answers == (0,)


def test_the_real_pickles_and_ids():
    folder = shared_data() / "staqc"
    labels = load_plain(
        DataFile(folder / "annotation_tool/crowd_sourcing/sql_annotator/all_agreed_iid_to_label.pickle")
    )
    assert (len(labels), labels[20792891, 0], set(labels.values())) == (3637, 1, {0, 1})
    iids = list(staqc.read_iids(DataFile(folder / "final_collection" / "sql_multi_code_iids.txt")))
    assert (len(iids), iids[0], iids[3]) == (6000, (26412603, 0), (19320739, 1))
