"""Wordings that build-data takes in: where they are found, and the rows that have them."""

import pytest

from coma_cli.catalog.tasks import TASKS
from coma_cli.dataset.wordings import find_wordings
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import write_rows
from coma_cli.workspace import Workspace
from tests.dataset.builds import all_rows, build

LIKE = TASKS["code-summarization"].wordings[0]["en"][0]
TEXTS = [f"Kindly {verb} this {{language}} function for me." for verb in ("sum up", "explain", "portray", "outline")]


def written(path, texts=TEXTS):
    row = {"task": "code-summarization", "like": LIKE, "text_language": "en"}
    write_rows(path, [{**row, "text": text} for text in texts])
    return path


def code(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    for n, noun in enumerate(("picture", "table", "window", "signal", "record", "letter", "garden", "engine")):
        text = f'def load_{noun}(name, scale):\n    """Load the {noun} of that name, enlarged {n + 2} times."""\n'
        text += f"    {noun} = find(name, '{noun}')\n    return [{noun}.part * scale + {n} for part in {noun}.parts]\n"
        (folder / f"{noun}.py").write_text(text)
    return folder


def test_rows_are_worded_with_them_too_and_each_is_an_input(tmp_path):
    shared = {"from_repo": [str(code(tmp_path))], "tasks": ["code-summarization"], "decontaminate": False}
    plain = build(tmp_path / "a", **shared)
    made = build(tmp_path / "b", **shared, wordings=[str(written(tmp_path / "more.jsonl"))])
    before, after = ({row.id: row for row in all_rows(run)} for run in (plain, made))
    assert before.keys() == after.keys() and len(before) == 8, "the wording is no part of a row's id"
    added = {text.replace("{language}", "Python") for text in TEXTS}
    assert not added & {row.instruction for row in before.values()}
    assert added & {row.instruction for row in after.values()}
    assert [entry["name"] for entry in made.manifest["inputs"] if "wordings" in entry["name"]] == [
        "wordings:more.jsonl"
    ]


def test_a_place_without_wordings_is_refused(tmp_path):
    workspace = Workspace(tmp_path / "w")
    for place, said in ((tmp_path / "none.jsonl", "There is no"), (tmp_path, "holds no wordings.jsonl")):
        with pytest.raises(MissingInputError) as caught:
            find_wordings([str(place)], workspace)
        assert said in caught.value.message
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder / "wordings.jsonl")
    added, (entry,) = find_wordings([str(folder)], workspace)
    assert len(added.texts) == 1 and entry.name == "wordings:folder"
