import json
import subprocess
import sys

import pytest

from coma_cli.jsonl import read_rows
from tests.dataset.builds import codealpaca_source
from tests.hub_uploads import Fault, hub_in_use
from tests.requirements import package
from tests.support.command import run_coma

NAME = "lab/code-rows"
KEPT_HERE = ("dropped.jsonl", "contamination.jsonl", "pending.jsonl", "summary.json", "manifest.json", "settings.json")


@pytest.fixture
def hub(monkeypatch):
    with hub_in_use(monkeypatch, lfs_from=4000) as hub:
        yield hub


@pytest.fixture
def build(tmp_path, monkeypatch, capfd):
    """Runs `coma build-data` on a small source; its exit code, what it printed, and what it told the user."""
    monkeypatch.chdir(tmp_path)
    codealpaca_source(tmp_path / "sources")

    def run(*arguments):
        common = [
            "--sources",
            "sources",
            "--workspace",
            "w",
            "--name",
            "rows",
            "--workers",
            "1",
            "--export",
            "messages",
        ]
        code = run_coma(["build-data", *common, "--validation-share", "0.3", "--json", *arguments])
        printed, told = capfd.readouterr()
        return code, json.loads(printed) if printed else None, told

    return run


def run_folder(tmp_path):
    return tmp_path / "w" / "build-data" / "rows"


@pytest.mark.slow
def test_a_run_is_pushed_when_it_is_complete_and_loads_from_there(hub, build, tmp_path):
    package("datasets", "train")
    code, summary, told = build("--push-to-hub", NAME)
    assert code == 0, told
    there, run = hub.repositories["dataset", NAME], run_folder(tmp_path)
    assert summary["published"] == {"url": f"{hub.address}/datasets/{NAME}", "commit": there.head.id, "changed": 11}
    assert f"Pushed (11 files changed): {hub.address}/datasets/{NAME}/tree/{there.head.id}" in told
    assert "published" not in json.loads((run / "summary.json").read_text())
    assert set(there.files) == {
        *(".gitattributes", "coma_published.json", "README.md", "composition.png", "CoMIT.json"),
        *("train.jsonl", "validation.jsonl", "text-to-code/code_generation_EN.json"),
        "validation/text-to-code/code_generation_EN.json",
        *("exports/messages/train.jsonl", "exports/messages/validation.jsonl", "exports/dataset_info.json"),
    }
    assert set(there.files).isdisjoint(KEPT_HERE) and all((run / name).is_file() for name in KEPT_HERE)
    assert all(str(tmp_path).encode() not in content for content in there.files.values())
    assert {name for name, blob in there.head.files.items() if blob.lfs} >= {"train.jsonl", "composition.png"}
    rows = {side: list(read_rows(run / f"{side}.jsonl")) for side in ("train", "validation")}
    default, task, messages = loaded(hub, tmp_path, "default", "code-generation", "messages")
    assert default == rows and task["train"] == json.loads((run / "CoMIT.json").read_bytes())
    assert {side: len(found) for side, found in messages.items()} == {side: len(rows[side]) for side in rows}


LOAD = """
import json, sys
from datasets import load_dataset
name, *parts = sys.argv[1:]
print(json.dumps([{side: list(rows) for side, rows in load_dataset(name, part).items()} for part in parts]))
"""


def loaded(hub, tmp_path, *parts):
    """What `datasets` reads from the hub by these names, in a process that knows nothing of this one."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, NAME, *parts],
        capture_output=True,
        text=True,
        env={"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1", "PATH": ""},
        cwd="/",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_finished_run_is_pushed_later_and_only_once(hub, build, tmp_path):
    assert build()[0] == 0
    assert hub.requests == []
    manifest = (run_folder(tmp_path) / "manifest.json").read_bytes()
    code, first, told = build("--push-to-hub", NAME, "--private")
    assert code == 0 and "Already done" in told and "Pushed" in told
    assert hub.repositories["dataset", NAME].private
    code, second, told = build("--push-to-hub", NAME, "--private")
    assert code == 0 and "Already published" in told
    assert second["published"] == {**first["published"], "changed": 0}
    assert len(hub.repositories["dataset", NAME].commits) == 2
    assert (run_folder(tmp_path) / "manifest.json").read_bytes() == manifest


def test_a_push_that_fails_leaves_the_run_complete(hub, build, tmp_path, monkeypatch):
    monkeypatch.setattr("coma_cli.publishing.publish.time.sleep", lambda _: None)
    hub.faults.append(Fault("POST .*/commit/main", 403))
    code, summary, told = build("--push-to-hub", NAME)
    assert (code, summary) == (3, None)
    assert "may not write to lab/code-rows" in told and (run_folder(tmp_path) / "manifest.json").is_file()
    assert build("--push-to-hub", NAME)[1]["published"]["changed"] == 11


def test_what_is_known_to_fail_fails_before_the_work(hub, build, tmp_path, monkeypatch):
    for arguments, code, message in (
        (["--private"], 2, "--private is about --push-to-hub"),
        (["--push-to-hub", "rows"], 2, "--push-to-hub"),
        (["--push-to-hub", "a/b/c"], 2, "--push-to-hub"),
    ):
        ended, _, told = build(*arguments)
        assert ended == code and message in told
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    for dry in ([], ["--dry-run"]):
        code, _, told = build("--push-to-hub", NAME, *dry)
        assert code == 3 and "refuses the token" in told
    assert not (run_folder(tmp_path) / "settings.json").exists()
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    code, plan, told = build("--push-to-hub", NAME, "--dry-run")
    assert code == 0 and plan["blockers"] == []
    assert f"Rows, card and exports go to the data set {NAME} of the Hugging Face Hub" in told
    assert hub.count("^(?!GET)") == 0


def test_rows_under_doubtful_terms_are_named_when_they_become_public(hub, build, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    body = "    kept = [value for value in values if value]\n    return sum(kept) / max(1, len(kept))\n"
    (code / "a.py").write_text(f'def mean_of_kept(values):\n    """Return the mean of the true values."""\n{body}')
    told = build("--from-repo", str(code), "--push-to-hub", NAME)[2]
    assert "published under terms that are unknown or withhold use (unknown (no licence file))" in told
    assert "withhold use" not in build("--from-repo", str(code), "--push-to-hub", "lab/hidden", "--private")[2]


def test_a_path_of_this_machine_in_a_row_stops_the_push(hub, build, tmp_path):
    source = tmp_path / "sources" / "codealpaca" / "code_alpaca_20k.json"
    rows = json.loads(source.read_text())
    rows[3]["output"] += f"\n# read {tmp_path}/sources/codealpaca first"
    source.write_text(json.dumps(rows))
    code, _, told = build("--push-to-hub", NAME)
    assert code == 1 and "holds a path of this machine" in told and "so nothing was pushed" in told
    assert hub.count("^(?!GET)") == 0
