import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.comparing.choosing import ToScore, choose, choose_score_run
from coma_cli.workspace import Workspace
from tests.evaluation.sampled import HUMANEVAL, sample, sample_run
from tests.evaluation.scored import passing, score_run


@pytest.fixture
def space(workspace_root, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Workspace(workspace_root)


def test_a_run_is_found_by_its_name_its_folder_or_the_only_begin_that_fits(space):
    run = score_run(space.root, "base-1", passing(1))
    score_run(space.root, "tuned-1", passing(2))
    for name in ("base-1", str(space.root / "score" / "base-1"), str(run.file("verdicts.jsonl")), "bas"):
        assert choose(space, name) == run
    elsewhere = Workspace(space.root.parent / "other")
    assert choose(elsewhere, str(run.path)).path == run.path, "a folder of another workspace"


def test_a_name_that_fits_several_runs_is_refused_with_the_candidates(space):
    for name in ("base-1", "base-2", "tuned"):
        score_run(space.root, name, passing(1))
    with pytest.raises(UsageError, match="base fits several score runs: base-1, base-2") as caught:
        choose(space, "base")
    assert "base-1" in caught.value.hint
    assert choose(space, "base-1").name == "base-1"
    score_run(space.root, "base", passing(1))
    assert choose(space, "base").name == "base", "the very name comes before the begin of others"


def test_a_sample_run_stands_for_its_score_run(space):
    made = sample_run(space.root, [sample("HumanEval/0", 0, "x")], HUMANEVAL[:1], name="base")
    assert choose(space, "base") == ToScore(str(made.path))
    first = score_run(space.root, "of-base", passing(0), samples=made.as_input("sample"))
    score_run(space.root, "base-of-others", passing(0))
    assert choose(space, "base") == first
    score_run(space.root, "once-more", passing(0), samples=made.as_input("sample"), timeout_s=9.0)
    with pytest.raises(UsageError, match=r"base fits several score runs of its samples: (of-base|once-more), "):
        choose(space, "base")


def test_a_file_is_to_be_scored_and_an_absent_one_is_named_with_what_there_is(space, tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    assert choose(space, "a.jsonl") == ToScore("a.jsonl")
    with pytest.raises(MissingInputError, match=r"there is no finished score run in .*workspace"):
        choose(space, "b.jsonl")
    score_run(space.root, "tuned", passing(1))
    with pytest.raises(MissingInputError, match="Did you mean tuned") as caught:
        choose(space, "tumed")
    assert caught.value.hint == "Known: tuned"
    with pytest.raises(UsageError, match="empty"):
        choose(space, "")
    with pytest.raises(MissingInputError, match="not scored yet"):
        choose_score_run(space, "a.jsonl")


def test_a_path_that_is_also_the_name_of_a_run_is_refused(space, tmp_path):
    score_run(space.root, "base", passing(1))
    (tmp_path / "base").write_text("")
    with pytest.raises(UsageError, match="path here and also a score run"):
        choose(space, "base")
    assert choose(space, "./base") == ToScore("base")


def test_unfinished_runs_and_runs_of_other_commands_are_refused(space):
    score_run(space.root, "killed", passing(1), finish=False)
    for name in ("killed", str(space.root / "score" / "killed")):
        with pytest.raises(MissingInputError, match="unfinished run of coma score"):
            choose(space, name)
    run = score_run(space.root, "base", passing(1))
    manifest = run.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"command": "score"', '"command": "finetune"'))
    with pytest.raises(UsageError, match="is a run of coma finetune, not of coma score"):
        choose(space, str(run.path))
