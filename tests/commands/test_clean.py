import json

import pytest

from coma_cli.workspace.listing import list_runs
from tests.support.command import run_coma
from tests.support.runs import begin_run, make_run, rewrite_manifest


def titles(root):
    return [run.title for run in list_runs(root)]


@pytest.fixture
def workspace(workspace_root):
    begin_run(workspace_root, "build-data", "broken")
    old = make_run(workspace_root, "score", "old")
    rewrite_manifest(old.path, finished="2020-01-01T00:00:00+00:00")
    rewrite_manifest(make_run(workspace_root, "sample", "stale").path, version=0)
    make_run(workspace_root, "score", "new")
    return workspace_root


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--broken"], ["build-data/broken"]),
        (["--stale"], ["sample/stale"]),
        (["--superseded"], ["score/old"]),
        (["--older-than", "30d"], ["score/old"]),
        (["--stale", "--older-than", "30d"], []),
        (["--broken", "--stale"], ["build-data/broken", "sample/stale"]),
        (["--checkpoints"], []),
    ],
)
def test_each_option_selects_its_runs(workspace, options, gone, capsys):
    before = titles(workspace)
    assert run_coma(["clean", "-w", workspace, *options, "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["would_remove"]] == gone
    assert titles(workspace) == before
    assert run_coma(["clean", "-w", workspace, *options, "--yes"]) == 0
    assert titles(workspace) == [title for title in before if title not in gone]


def test_yes_alone_and_a_wrong_age_are_refused(workspace, capsys):
    before = titles(workspace)
    assert run_coma(["clean", "-w", workspace, "--yes"]) == 2
    assert "Choose among --broken" in capsys.readouterr().err
    assert run_coma(["clean", "-w", workspace, "--older-than", "soon", "--yes"]) == 2
    assert "--older-than 30d" in capsys.readouterr().err
    assert titles(workspace) == before
