import subprocess
import sys

import pytest

RECIPE = "title: t\nsteps: [{command: score, name: s, options: --bench humaneval}, {command: sample, name: x}]\n"


def coma(*arguments, cwd):
    command = [sys.executable, "-m", "coma_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_a_failing_step_ends_the_recipe_with_its_exit_code(tmp_path):
    (tmp_path / "mine.yaml").write_text(RECIPE)
    done = coma("run", "mine.yaml", "-w", "w", cwd=tmp_path)
    assert done.returncode == 3
    assert "[1/2] coma score --bench humaneval --name s --workspace w" in done.stderr
    assert "coma score failed" in done.stderr
    assert "[2/2]" not in done.stderr


def test_a_recipe_is_found_by_its_name_from_any_folder(tmp_path):
    (tmp_path / "file").write_text("")
    done = coma("run", "quickstart", "-w", "file", cwd=tmp_path)  # stops at once: the workspace is a file
    assert "[1/11] coma build-data --from-repo stdlib" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("name", "said"), [("quikstart", "Did you mean quickstart?"), ("zzz", "Give a file, or one of: alpaca-lora-7b,")]
)
def test_an_unknown_recipe_is_answered_with_the_known_ones(name, said, tmp_path):
    done = coma("run", name, cwd=tmp_path)
    assert done.returncode == 3
    assert f"There is no recipe {name}." in done.stderr
    assert said in done.stderr


def test_a_dry_run_prints_the_steps_and_what_is_done_and_runs_nothing(tmp_path):
    (tmp_path / "mine.yaml").write_text(RECIPE)
    (tmp_path / "w" / "score" / "s").mkdir(parents=True)
    (tmp_path / "w" / "score" / "s" / "manifest.json").write_text("{}")
    done = coma("run", "mine.yaml", "-w", "w", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "[1/2] done: coma score --bench humaneval --name s --workspace w",
        "[2/2] to do: coma sample --name x --workspace w",
    ]
    (tmp_path / "w" / "sample" / "x").mkdir(parents=True)
    (tmp_path / "w" / "sample" / "x" / "settings.json").write_text("{}")
    again = coma("run", "mine.yaml", "-w", "w", "--dry-run", cwd=tmp_path)
    assert again.stdout.splitlines()[1].startswith("[2/2] unfinished, would be resumed: coma sample")
