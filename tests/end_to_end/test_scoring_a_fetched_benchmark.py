"""`coma score --bench humaneval+` alone: the release is fetched, and kept for the next start without a network."""

from tests.catalog.benchmarks.plus_rows import PLUS_ROW
from tests.hub_server import data_server
from tests.support.files import write_lines

PLACE = "evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz"


def test_score_fetches_the_file_of_its_benchmark(tmp_path, coma, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    for name in ("HUMANEVAL_OVERRIDE_PATH", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    content = write_lines(tmp_path / "x.jsonl.gz", [PLUS_ROW]).read_bytes()
    samples = write_lines(tmp_path / "s.jsonl", [{"task_id": "HumanEval/2", "completion": "    return x / 2\n"}])
    line = ("--bench", "humaneval+", "--samples", samples)
    with data_server(github={PLACE: content}) as server:
        monkeypatch.setenv("COMA_GITHUB_ENDPOINT", server.environment["COMA_GITHUB_ENDPOINT"])
        coma(*line)
        assert len(server.fetched()) == 1
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    coma(*line, "--force")
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "empty"))
    said = coma(*line, "--force", code=3)
    assert "offline mode is on" in said and "--bench-data HumanEvalPlus.jsonl.gz" in said
