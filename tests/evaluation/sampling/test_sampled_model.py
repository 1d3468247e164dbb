"""Which model is sampled when none is named, and what a name may be."""

from pathlib import Path

import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.sampling.sampled_model import choose_model
from coma_cli.models.resolution import NO_TRUST
from coma_cli.prompting import ALPACA
from coma_cli.settings import StageSettings
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace
from tests.evaluation.sampled import Nothing
from tests.requirements import package
from tests.tiny_model import make_tiny_model


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    package("torch", "train")
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    package("torch", "train")
    folder = make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1)
    ALPACA.save(folder)
    return folder


def finished(workspace: Workspace, command: str, name: str, *inputs: Input, model: Path | None = None) -> Artifact:
    """A finished run of finetune or merge-lora, its outputs put there by hand."""
    import shutil

    output = "model" if model else "adapter"
    with workspace.open_run(command, StageSettings(), Plan(name, inputs, 1, {}), name=name) as run:
        made = run.scratch("made") / output
        if model:
            shutil.copytree(model, made)
        else:
            made.mkdir()
            (made / "adapter_config.json").write_text(f'{{"name": "{name}"}}')
        run.place(made, output)
        return run.finish(StageResult(Nothing(), (output,)))


def choose(workspace: Workspace, name: str | None = None):
    return choose_model(workspace, name, None, NO_TRUST)


def test_nothing_was_tuned(workspace):
    with pytest.raises(MissingInputError, match="No finished finetune") as caught:
        choose(workspace)
    assert caught.value.hint == "coma finetune ; or coma sample --model smollm2-135m"


def test_the_merge_of_the_newest_finetune(workspace, whole):
    tuned = finished(workspace, "finetune", "tuned")
    merge = finished(workspace, "merge-lora", "merged", tuned.as_input(), model=whole)
    choice = choose(workspace)
    assert choice.source.content_sha256 == merge.content_sha256
    assert choice.stored == ALPACA
    assert choice.title == "merge-lora/merged"
    assert choose(workspace, "merged").source == choose(workspace, str(merge.path)).source == choice.source


def test_a_merge_of_an_older_finetune_is_an_error_that_says_so(workspace, whole):
    older = finished(workspace, "finetune", "older")
    finished(workspace, "merge-lora", "merged", older.as_input(), model=whole)
    finished(workspace, "finetune", "newer")
    with pytest.raises(UsageError, match="newer, has not been merged; merged is the merge of an older one") as caught:
        choose(workspace)
    assert caught.value.hint.startswith("coma merge-lora")


def test_the_merge_of_a_finetune_that_is_being_continued_is_stale(workspace, whole):
    tuned = finished(workspace, "finetune", "tuned")
    finished(workspace, "merge-lora", "merged", tuned.as_input(), model=whole)
    (tuned.path / "manifest.json").unlink()  # what raising --max-steps does first
    with pytest.raises(UsageError, match="merged is an older merge: the finetune tuned is not finished"):
        choose(workspace)


def test_an_older_finetune_merged_again_does_not_hide_the_newest_ones_merge(workspace, whole):
    older, newer = finished(workspace, "finetune", "older"), finished(workspace, "finetune", "newer")
    wanted = finished(workspace, "merge-lora", "of-newer", newer.as_input(), model=whole)
    finished(workspace, "merge-lora", "of-older", older.as_input(), model=whole)
    assert choose(workspace).source == wanted.as_input()


def test_a_full_finetune_is_sampled_directly(workspace, whole):
    older = finished(workspace, "finetune", "older")
    finished(workspace, "merge-lora", "merged", older.as_input(), model=whole)
    full = finished(workspace, "finetune", "full", model=whole)
    assert choose(workspace).source == full.as_input()


def test_a_run_or_the_folder_in_it_may_be_named(workspace, whole):
    full = finished(workspace, "finetune", "full", model=whole)
    for name in (full.path, full.path / "model"):
        assert choose(workspace, str(name)).source == full.as_input()


def test_an_adapter_of_another_kind_is_refused(workspace):
    tuned = finished(workspace, "finetune", "tuned")
    with pytest.raises(UsageError, match="adapter of type None") as caught:
        choose(workspace, str(tuned.path))
    assert "LoRA" in caught.value.hint


def test_a_model_that_was_changed_since_is_refused(workspace, whole):
    full = finished(workspace, "finetune", "full", model=whole)
    with (full.path / "model" / "model.safetensors").open("ab") as handle:
        handle.write(b"\0")
    with pytest.raises(MissingInputError, match="not what coma finetune wrote"):
        choose(workspace)


def test_an_unfinished_run_is_no_model(workspace, whole):
    full = finished(workspace, "finetune", "full", model=whole)
    (full.path / "manifest.json").unlink()
    with pytest.raises(MissingInputError, match="unfinished"):
        choose(workspace, str(full.path))


def test_a_plain_folder_counts_by_its_content(workspace, whole):
    choice = choose(workspace, str(whole))
    assert choice.source.name == "model"
    assert choice.stored == ALPACA
    assert choice.subject == "model"


def test_a_catalogue_name(workspace):
    choice = choose(workspace, "smollm2-135m")
    assert choice.resolved.entry is not None
    assert choice.stored is None
