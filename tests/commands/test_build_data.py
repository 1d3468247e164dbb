import json

import pytest

from tests.support.command import coma, run_coma

CODE = '''def mean(values):
    """Return the mean of a list of numbers."""
    total = sum(values)
    return total / len(values)
'''


def build_data(*arguments, **environment):
    return coma("build-data", *arguments, **environment)


@pytest.fixture
def repo(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "stats.py").write_text(CODE)
    return tmp_path / "repo"


def test_options_reach_the_stage(repo, workspace_root):
    done = build_data(
        "--from-repo", str(repo), "--tasks", "code-generation,line-completion", "--lang", "en", "--per-task", "5",
        "--decontaminate", "off", "--validation-share", "0", "--workers", "1", "--json", "-w", str(workspace_root),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["rows"] == {"train": 2, "validation": 0}
    assert summary["decontaminated"] is False
    assert "Warning: Decontamination was switched off" in done.stderr
    assert "files: 1/1" in done.stderr


def test_named_files_keep_rows_away(repo, tmp_path, workspace_root):
    problems, rows = tmp_path / "problems.jsonl", tmp_path / "rows.json"
    (repo / "other.py").write_text(CODE.replace("mean", "spread").replace("total / len", "len").replace("sum", "max"))
    problem = CODE.replace("Return the mean of a list of numbers.", "Average.").replace("total", "whole")
    problems.write_text(json.dumps({"task_id": "own/1", "text": "Do it.", "code": problem}) + "\n")
    code = (repo / "other.py").read_text().replace('    """Return the spread of a list of numbers."""\n', "")
    rows.write_text(json.dumps([{"instruction": "What is it?", "input": code, "output": "It is."}]))
    done = build_data(
        "--from-repo", str(repo), "--tasks", "code-summarization", "--decontaminate-against", str(problems),
        "--dedup-against", str(rows), "--json", "-w", str(workspace_root),
    )  # fmt: skip
    assert done.returncode == 3, done.stdout
    assert "contaminated 1" in done.stderr
    assert "duplicate-of-reference 1" in done.stderr
    (evidence,) = map(json.loads, next(workspace_root.rglob("contamination.jsonl")).read_text().splitlines())
    assert (evidence["bench"], evidence["problem"], evidence["level"]) == ("problems.jsonl", "own/1", 2)
    dropped = [json.loads(line) for line in next(workspace_root.rglob("dropped.jsonl")).read_text().splitlines()]
    assert "of rows.json: 1" in {row["detail"] for row in dropped}


def test_a_dry_run_prints_the_plan_and_leaves_nothing(repo, workspace_root):
    done = build_data("--from-repo", str(repo), "--dry-run", "--json", "-w", str(workspace_root))
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["files"] == 1
    assert plan["estimate"]["files"] == {"repo:repo": 1}
    assert "Not checked against" not in done.stderr
    assert not workspace_root.exists()


def test_a_dry_run_of_the_hub_fetches_nothing(workspace_root, tmp_path):
    # No such server: whatever is tried fails, and takes long to do so.
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "COMA_GITHUB_ENDPOINT": "http://127.0.0.1:9"}
    environment |= {"HF_HOME": str(tmp_path / "hf"), "COMA_CACHE": str(tmp_path / "cache")}
    done = build_data("--dry-run", "--json", "-w", workspace_root, "--size", "1200", **environment)
    assert done.returncode == 3, done.stderr  # as the run itself would
    assert "can't be fetched from the Hugging Face Hub" in done.stderr
    assert "codealpaca: would be fetched from sahil2801/CodeAlpaca-20k at 152bb5e" in done.stderr
    assert "on the Hugging Face Hub (8 MB as known to coma), but sahil2801/CodeAlpaca-20k can't be" in done.stderr
    assert json.loads(done.stdout)["estimate"]["to fetch"]["codealpaca"]["bytes"] == 8_060_000
    assert not workspace_root.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--source", "codealpaca"), 2, "--source takes NAME=PATH"),
        (("--decontaminate", "maybe"), 2, "maybe"),
        (("--lang", "de", "--from-repo", "stdlib"), 2, "'en' or 'cn'"),
        (("--tasks", "al"), 2, "Unknown task"),
        (("--sources", "no-such-folder"), 3, "no folder"),
        (("--validation-share", "2", "--from-repo", "stdlib"), 2, "validation_share"),
        (("--dedup-against", "no.jsonl", "--from-repo", "stdlib"), 3, "no file no.jsonl"),
        (("--decontaminate-against", "no.jsonl", "--from-repo", "stdlib"), 3, "no file no.jsonl"),
        (("--decontaminate", "off", "--decontaminate-against", "x"), 2, "exclude each other"),
        (("--size", "0"), 2, "size must be paper or a positive number"),
        (("--size", "papper"), 2, "size"),
        (("--mix", "comitt"), 2, "Did you mean comit"),
        (("--export", "csv"), 2, "parquet"),
        (("--per-task", "0"), 2, "--per-task"),
    ],
)
def test_wrong_use_is_one_message_and_an_exit_code(arguments, code, message, workspace_root, capsys):
    found = run_coma(["build-data", *arguments, "-w", workspace_root])
    said = capsys.readouterr().err
    assert found == code, said
    assert message in said
    assert "Hint:" in said
