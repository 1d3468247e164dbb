import json

from tests.support.command import coma, run_coma
from tests.support.runs import begin_run, make_run, rewrite_manifest


def test_the_default_workspace_is_not_repeated_in_the_lines_to_type(tmp_path, monkeypatch, capsys):
    make_run(tmp_path / "workspace", "sample", "s")
    monkeypatch.chdir(tmp_path)
    assert run_coma(["status"]) == 0
    assert "\n  coma score --samples s\n" in capsys.readouterr().out
    assert run_coma(["status", "-w", tmp_path / "workspace", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)["next"][0]["line"]
    assert line == f"coma score --samples s -w {tmp_path}/workspace"


def test_a_line_to_type_is_never_wrapped(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    make_run(tmp_path / "w", "sample", "s" * 90)
    assert run_coma(["status", "-w", tmp_path / "w"]) == 0
    assert f"\n  coma score --samples {'s' * 90} -w {tmp_path}/w\n" in capsys.readouterr().out


def test_a_name_that_is_no_text_is_printed(tmp_path):
    """In a process of its own, whose output is as the user's."""
    made = make_run(tmp_path / "w", "sample", "s")
    rewrite_manifest(made.path, version=0)
    made.path.rename(made.path.parent / "a\udcff\x1b")
    begin_run(tmp_path / "w", "score", "s")
    done = coma("status", "-w", tmp_path / "w")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a\\udcff\\x1b" in done.stdout
    assert json.loads(coma("status", "--json", "-w", tmp_path / "w").stdout)["runs"][0]["name"] == "a\udcff\x1b"
