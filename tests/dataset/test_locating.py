import json
import pickle

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.sources.repository.repository import repository
from coma_cli.catalog.sources.stackoverflow.stackexchange import dump
from coma_cli.dataset import build_data
from coma_cli.dataset.generated import generated_sources
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.settings import load_settings
from coma_cli.workspace import Workspace
from tests.catalog.sources.forms import put
from tests.dataset.builds import all_rows, build
from tests.dataset.rows import example

REPAIR = "codexglue_code_refinement"


def put_repairs(folder, split, count=30):
    lines = [f"public int METHOD_{n} ( T a ) {{ return a . {split}{n} ( ) ; }}" for n in range(count)]
    guard = "{ if ( a == null ) { return 0 ; }"
    place = folder / REPAIR / "data" / "small"
    put(place / f"{split}.buggy-fixed.buggy", "".join(f"{line} \n" for line in lines))
    put(place / f"{split}.buggy-fixed.fixed", "".join(f"{line.replace('{', guard, 1)} \n" for line in lines))


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    put_repairs(folder, "valid")
    put_repairs(folder, "test")
    rows = [{"instruction": f"Name the {n} largest towns.", "input": "", "output": f"{n} towns"} for n in range(30)]
    put(folder / "codealpaca" / "code_alpaca_20k.json", json.dumps(rows))
    return folder


def planned(root, **flags):
    return build_data.plan(load_settings(build_data.STAGE.settings, flags=flags), Workspace(root))


def test_a_source_of_other_splits_says_so_in_the_plan_and_on_the_card(workspace_root, sources):
    said = (
        f"The data has no rows of the source {REPAIR}: it holds only validation and test splits; "
        "--source-splits any reads them."
    )
    plan = planned(workspace_root, sources=str(sources))
    assert f"Warning: {said}" in plan.notes
    assert [entry.source.name for entry in plan.found.located] == ["codealpaca"]
    made = build(workspace_root, sources=str(sources), decontaminate=False)
    assert f"* {said}" in (made.path / "README.md").read_text()


def test_where_no_source_has_the_split_the_error_names_what_there_is(workspace_root, sources):
    with pytest.raises(MissingInputError) as error:
        planned(workspace_root, source={REPAIR: str(sources / REPAIR)})
    assert error.value.message == (
        f"No source has rows of the train split: {REPAIR} holds only validation and test splits."
    )
    assert error.value.hint == "Add --source-splits any."


def test_asked_for_splits_are_read_and_named_on_the_card(workspace_root, sources):
    made = build(workspace_root, sources=str(sources), source_splits=["any"], decontaminate=False)
    rows = [row for row in all_rows(made) if row.task == "code-repair"]
    assert {row.origin.split for row in rows} == {"validation", "test"}
    index = {entry["name"]: entry for entry in made.summary["read"]}
    assert (index[REPAIR]["splits"], index[REPAIR]["files"]) == ("validation and test", 2)
    assert index["codealpaca"]["splits"] == "train (the only one)"
    card = (made.path / "README.md").read_text()
    assert "The code is a space-separated token sequence, and abstracted" in card
    assert index[REPAIR]["revision"] in card


def test_one_split_alone_can_be_read(workspace_root, sources):
    plan = planned(workspace_root, sources=str(sources), source_splits=["test"], tasks=["code-repair"])
    assert [unit.shard.split for unit in plan.units] == ["test"]


def test_the_missing_half_of_a_split_that_is_not_asked_for_does_no_harm(workspace_root, sources):
    (sources / REPAIR / "data" / "small" / "test.buggy-fixed.fixed").unlink()
    flags = {"sources": str(sources), "tasks": ["code-repair"]}
    assert planned(workspace_root, **flags, source_splits=["validation"]).total == 1
    with pytest.raises(BrokenSourceError, match="has no counterpart"):
        planned(workspace_root, **flags, source_splits=["test"])


def test_a_broken_archive_stops_the_command_or_is_left_out(workspace_root, sources):
    put(sources / "codexglue_code_translation" / "data.zip", b"PK\x03\x04 cut short")
    with pytest.raises(BrokenSourceError, match="broken zip") as error:
        planned(workspace_root, sources=str(sources))
    assert "--skip-broken-sources" in error.value.hint
    plan = planned(workspace_root, sources=str(sources), skip_broken_sources=True)
    assert list(plan.found.broken) == ["codexglue_code_translation"]


def test_a_folder_that_is_there_is_not_called_absent(workspace_root, sources):
    put(sources / "codegpt" / "notes.docx", b"x")
    (sources / "conala").mkdir()
    notes = planned(workspace_root, sources=str(sources)).notes
    folder = f"{sources}/codegpt"
    assert (
        f"codegpt: no file found ({folder} is there, but holds none of its publisher's files, only notes.docx)" in notes
    )
    assert f"conala: no file found ({sources}/conala is there, but empty)" in notes
    assert f"staqc: no file found ({sources}/staqc)" in notes


def test_every_source_can_be_sent_to_a_worker(workspace_root, tmp_path):
    rows = put(tmp_path / "rows.jsonl", [example(1).to_row()])
    (generated,) = (source for source, _ in generated_sources([str(rows)], Workspace(workspace_root)))
    mined = [repository(tmp_path)[0], repository("stdlib")[0], dump(tmp_path)[0]]
    for source in (*SOURCES.values(), *mined, generated):
        assert pickle.loads(pickle.dumps(source)).name == source.name
