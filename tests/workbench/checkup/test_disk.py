import tempfile
from pathlib import Path

import pytest

from coma_cli.workbench.checkup.disk import diagnose_disk, of_free_space


def found_for(workspace, environment=None):
    return {one.name: one for one in diagnose_disk(workspace, environment or {"HF_HOME": str(workspace)})}


def test_folders_that_can_be_made_are_fine_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    found = found_for(tmp_path / "a" / "workspace")
    assert {one.severity for one in found.values()} <= {"ok", "warning"}
    assert found["workspace"].data["free_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "w").write_text("")
    found = found_for(tmp_path / "w", {"HF_HOME": str(tmp_path)})["workspace"]
    assert found.severity == "error"
    assert "should be a folder" in found.found
    assert found.fix is not None


def test_caches_without_a_home_are_warnings(tmp_path, monkeypatch):
    monkeypatch.delenv("COMA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless(_cls=None):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(Path, "expanduser", homeless)
    found = found_for(tmp_path, {"PATH": ""})
    assert found["cache"].severity == found["models of the Hub"].severity == "warning"
    assert found["cache"].fix.startswith("export COMA_CACHE=")


def test_no_folder_for_temporary_files_is_an_error(tmp_path, monkeypatch):
    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert found_for(tmp_path)["temporary files"].severity == "error"


@pytest.mark.parametrize(("free", "severity"), [(50 << 20, "error"), (2 << 30, "warning"), (50 << 30, "ok")])
def test_little_room_is_a_warning_and_none_is_an_error(free, severity):
    found = of_free_space("workspace", Path("w"), free, "error", "export X=FOLDER")
    assert found.severity == severity
    assert (found.fix is None) == (severity == "ok")
