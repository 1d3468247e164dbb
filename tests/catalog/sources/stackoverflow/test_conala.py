import pytest

from coma_cli.catalog.material import Question
from coma_cli.catalog.sources.stackoverflow import conala
from coma_cli.records import Origin
from tests.catalog.sources.forms import good, read
from tests.catalog.sources.row_forms import FORMS, reasons, without_places, write, write_form, write_parquet
from tests.requirements import shared_data

ROWS = [
    {"intent": "Join it?", "rewritten_intent": "join list `x`", "snippet": "''.join(x)\n", "question_id": 7},
    {"intent": "Join it?", "rewritten_intent": None, "snippet": "'-'.join(x)", "question_id": 7},
    {"intent": "Sum?", "rewritten_intent": " ", "snippet": "sum(x)", "question_id": 9},
    {"intent": None, "rewritten_intent": None, "snippet": "sum(x)", "question_id": 10},
    {"intent": "Blank?", "rewritten_intent": None, "snippet": " ", "question_id": 11},
]


@pytest.mark.parametrize("form", FORMS)
def test_the_rewritten_intent_is_preferred_to_the_original(tmp_path, form):
    name = "curated/train/0000" if form == "parquet" else "conala-train"
    write_form(form, tmp_path, name, ROWS)
    found = read(conala.SOURCE, tmp_path)
    assert [(e.text, e.candidates, e.answers, e.topic) for e in good(found)] == [
        ("join list `x`", ("''.join(x)",), (0,), "7"),
        ("Join it?", ("'-'.join(x)",), (0,), "7"),
        ("Sum?", ("sum(x)",), (0,), "9"),
    ]
    assert [reason for reason, _ in reasons(found)] == ["broken-row"] * 2


def test_a_question_id_must_be_a_number(tmp_path):
    write(tmp_path / "conala-train.json", [{**ROWS[0], "question_id": "seven"}, {**ROWS[0], "question_id": True}])
    assert [reason for reason, _ in reasons(read(conala.SOURCE, tmp_path))] == ["broken-row"] * 2


def test_splits_come_from_the_paths_of_both_formats(tmp_path):
    for name in ("curated/train/0000", "curated/test/0000"):
        write_parquet(tmp_path / "hub" / f"{name}.parquet", ROWS[:3])
    for name in ("conala-train.json", "conala-test.json", "conala-mined.jsonl", "other.json"):
        write(tmp_path / "raw" / name, ROWS[:3])
    for name in ("conala-paired-train.json", "conala-paired-test.json", "conala-mined.jsonl"):
        write(tmp_path / "main" / "data" / name, ROWS[:3])  # the main branch of the Hub's repository
    for form in ("hub", "raw", "main"):
        assert sorted(shard.split for shard in conala.find(tmp_path / form)) == ["test", "train"]
    hub, raw, main = (read(conala.SOURCE, tmp_path / form) for form in ("hub", "raw", "main"))
    assert without_places(hub) == without_places(raw) == without_places(main)


def test_the_mined_rows_are_read_if_requested(tmp_path):
    mined = {
        "parent_answer_post_id": 1,
        "prob": 0.9,
        "snippet": "f()",
        "intent": "call f",
        "id": "1_1",
        "question_id": 3,
    }
    assert read(conala.SOURCE, write(tmp_path / "conala-mined.jsonl", mined))[0].text == "call f"


def test_the_real_slices():
    by_file = {shard.name: list(conala.read(shard)) for shard in conala.find(shared_data() / "conala")}
    assert {name: len(rows) for name, rows in by_file.items()} == {"conala-test.json": 260, "conala-train.json": 1500}
    assert not reasons([entry for rows in by_file.values() for entry in rows])
    assert by_file["conala-train.json"][0] == Question(
        language="python",
        text="Concatenate elements of a list 'x' of multiple integers to a single integer",
        candidates=("sum(d * 10 ** i for i, d in enumerate(x[::-1]))",),
        answers=(0,),
        licence="MIT",
        origin=Origin(
            path="conala-train.json", row="1", url="https://stackoverflow.com/questions/41067960", split="train"
        ),
        topic="41067960",
    )
    assert by_file["conala-test.json"][0].candidates == ("os.kill(os.getpid(), signal.SIGUSR1)",)
    assert len({entry.topic for entry in by_file["conala-train.json"]}) == 1116
