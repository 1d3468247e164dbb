import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.material import Question
from coma_cli.catalog.sources.stackoverflow import codepro
from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import reasons, write, write_zip
from tests.requirements import shared_data

NAME = "python_hnn_qid2index_blocks_labeled.txt"


def entry(question, place, code, label, title="How do I add?"):
    return [(question, place), [["before"], ["after"]], [[code]], [title], 3, label]


ENTRIES = [
    entry(7, 0, " a = 1\nprint a\n", 1),
    entry(7, 1, "  b = 2\n", 0),
    entry(7, 3, " c = 3\r\n", 1),
    entry(8, 0, " x\n", 0, "Nothing works?"),
    entry(7, 1, " again\n", 1),
    entry(9, 0, " y = 1\n", 2),
    ("nonsense",),
    entry(10, 0, " y = 1\n", 1, "  "),
]


def test_a_question_has_all_of_its_snippets(tmp_path):
    found = read(codepro.SOURCE, write(tmp_path / NAME, repr(ENTRIES)))
    assert good(found) == [
        Question(
            language="python",
            text="How do I add?",
            candidates=("a = 1\nprint a", " b = 2", "c = 3"),
            answers=(0, 2),
            licence="unknown (no licence file)",
            origin=Origin(path=NAME, row="7", url="https://stackoverflow.com/questions/7", split="train"),
            topic="7",
        )
    ]
    assert reasons(found) == [
        ("duplicate-id", "(7, 1) is a duplicate"),
        ("broken-row", "not a labelled block in upstream's format"),
        ("broken-row", "not a labelled block in upstream's format"),
        ("no-answer", "1 snippets, none of which is an answer"),
        ("no-answer", "no title"),
    ]


def test_compressed_files_and_folders_give_the_same(tmp_path):
    plain = read(codepro.SOURCE, write(tmp_path / "plain" / "data_hnn" / NAME, repr(ENTRIES)).parent)
    write(tmp_path / "gz" / f"{NAME}.gz", gzip.compress(repr(ENTRIES).encode()))
    write_zip(tmp_path / "zip" / "CodePro-main.zip", {f"CodePro-main/data_hnn/{NAME}": repr(ENTRIES)})
    for form in ("gz", "zip"):
        found = read(codepro.SOURCE, tmp_path / form)
        assert [e.candidates for e in good(found)] == [e.candidates for e in good(plain)]
        assert good(found)[0].language == "python"
    assert [s.name for s in codepro.find(tmp_path / "zip")] == [f"CodePro-main.zip/CodePro-main/data_hnn/{NAME}"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (repr(ENTRIES)[:-40], "truncated or malformed"),
        ("__import__('os').system('true')", "truncated or malformed"),
        ("[open('x')]", "truncated or malformed"),
        ("[" * 100_000, "truncated or malformed"),
        ("{1: 2}", "holds a dict, not a list"),
        ("", "holds no rows"),
        ("[]", "holds no rows"),
        (b"['\xff']", "not UTF-8"),
        (gzip.compress(repr(ENTRIES * 99).encode())[:80], "broken gzip"),
    ],
    ids=["cut", "call", "name", "deep", "dict", "empty", "no entries", "encoding", "gzip"],
)
def test_a_file_that_is_not_a_list_of_literals_breaks_the_source(tmp_path, content, message):
    with pytest.raises(BrokenSourceError, match=message):
        read(codepro.SOURCE, write(tmp_path / NAME, content))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_any_literal_gives_questions_or_reasons(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("codepro") / NAME
    path.write_text(repr(values), encoding="utf-8", errors="surrogatepass")
    try:
        found = list(codepro.read(Shard(path, NAME, "")))
    except BrokenSourceError:
        return
    assert all(isinstance(e, Question | Rejected) for e in found)
    assert len([e for e in found if isinstance(e, Rejected) and e.reason == "broken-row"]) <= len(values)


@given(st.text(alphabet="()[]{}'\"\\,:1a \n-", max_size=60))
def test_any_text_is_a_list_or_a_broken_source(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("codepro") / NAME
    path.write_text(text)
    with suppress(BrokenSourceError):
        assert isinstance(codepro.read_literal(Shard(path, NAME, "").file), list)


def test_the_real_slices():
    by_file = {shard.name: list(codepro.read(shard)) for shard in codepro.find(shared_data() / "codepro")}
    python, sql = (by_file[f"data_hnn/{name}_hnn_qid2index_blocks_labeled.txt"] for name in ("python", "sql"))
    assert len(by_file) == 2
    assert [(len(good(f)), len(reasons(f))) for f in (python, sql)] == [(857, 374), (736, 215)]
    assert {reason for reason, _ in reasons(python + sql)} == {"no-answer"}
    assert sum(len(e.candidates) for e in good(python)) == 1971
    first = good(python)[0]
    assert (first.text, first.answers, first.topic) == (
        "What is the standard way to add N seconds to datetime.time in Python?",
        (0, 2),
        "100210",
    )
    assert first.candidates[1] == "11:34:59\n11:35:02"
    assert first.candidates[2].startswith("import datetime\n\ndef addSecs(tm, secs):")
    state_machine = next(e for e in good(sql) if e.topic == "182130")
    assert state_machine.text == "SQL - state machine - reporting on historical data based on changeset"
    assert (len(state_machine.candidates), state_machine.answers, state_machine.language) == (2, (0,), "sql")
