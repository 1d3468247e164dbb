import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import read_json, read_rows
from coma_cli.records import Sample
from coma_cli.settings import Runtime, StageSettings, Workers
from coma_cli.workspace import Input, Plan, StageResult, Workspace, fingerprint, runs_of
from tests.requirements import ROOT


class Machine(Runtime):
    workers: Workers = None


class Settings(StageSettings):
    EXTENT = frozenset({"n"})
    n: int = 3
    temperature: float = 0.2
    runtime: Machine = Machine()


class Summary(BaseModel):
    samples: int


PLAN = Plan(subject="toy", inputs=(), total=3, estimate={})


def a_sample(index, **changes):
    return Sample(task_id="T/1", temperature=0.2, index=index, completion=f"c{index}", finish_reason="stop", **changes)


def draw(workspace, settings=None, plan=PLAN, stop_after=None, **options):
    """A whole small stage: what is wanted, minus what is there, appended."""
    settings = settings or Settings()
    with workspace.open_run("sample", settings, plan, **options) as run:
        if run.done:
            return None
        samples = run.journal("samples.jsonl", Sample)
        for index in range(settings.n):
            if stop_after is not None and run.work_done == stop_after:
                raise KeyboardInterrupt
            if a_sample(index).key not in samples:
                samples.append(a_sample(index))
                run.count_work()
        return run.finish(StageResult(Summary(samples=len(samples)), ("samples.jsonl",)))


def test_a_finished_run_is_done_the_second_time(workspace_root):
    workspace = Workspace(workspace_root)
    first = draw(workspace)
    assert draw(workspace) is None
    assert workspace.newest("sample") == first
    assert first.summary == {"samples": 3}
    assert first.manifest["outputs"]["samples.jsonl"]["rows"] == 3


def test_an_interrupted_run_resumes_and_equals_an_uninterrupted_one(workspace_root, tmp_path):
    whole = draw(Workspace(tmp_path / "other"))
    workspace = Workspace(workspace_root)
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, stop_after=2)
    assert workspace.newest("sample") is None
    assert len(workspace.unfinished("sample")) == 1
    resumed = draw(workspace)
    assert resumed.content_sha256 == whole.content_sha256
    assert resumed.manifest["work"] == {"unit": "samples", "done_since_start": 1, "total": 3}


def test_a_torn_last_line_is_cut_and_its_row_made_again(workspace_root, tmp_path):
    whole = draw(Workspace(tmp_path / "other"))
    workspace = Workspace(workspace_root)
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, stop_after=2)
    path = next(workspace_root.glob("sample/*/samples.jsonl"))
    path.write_bytes(path.read_bytes()[:-5])
    assert draw(workspace).content_sha256 == whole.content_sha256


def test_a_corrupt_line_in_the_middle_is_counted_and_its_row_made_again(workspace_root, tmp_path):
    whole = draw(Workspace(tmp_path / "other"))
    workspace = Workspace(workspace_root)
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, stop_after=2)
    path = next(workspace_root.glob("sample/*/samples.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"{broken\n" + lines[1])
    resumed = draw(workspace)
    assert resumed.content_sha256 == whole.content_sha256
    assert [line.rpartition("/")[2].split(": ")[0] for line in resumed.manifest["corrupt_lines"]] == ["samples.jsonl:1"]


def test_raising_the_extent_reopens_the_same_run_and_adds_to_it(workspace_root):
    workspace = Workspace(workspace_root)
    small = draw(workspace)
    large = draw(workspace, Settings(n=5))
    assert large.path == small.path
    assert large.manifest["work"]["done_since_start"] == 2
    assert large.content_sha256 != small.content_sha256
    assert large.manifest["extents"] == [{"n": 3}, {"n": 5}]
    lowered = draw(workspace, Settings(n=2))
    assert lowered.content_sha256 == large.content_sha256
    assert lowered.manifest["work"]["done_since_start"] == 0


def test_other_settings_or_inputs_get_another_folder(workspace_root):
    workspace = Workspace(workspace_root)
    first = draw(workspace)
    second = draw(workspace, Settings(temperature=0.8))
    third = draw(workspace, plan=Plan("toy", (Input("model", "/m", "ab"),), 3, {}))
    assert len({first.path, second.path, third.path}) == 3
    assert workspace.finished("sample") == [third, second, first]


def test_the_runtime_block_is_no_part_of_the_fingerprint(workspace_root):
    workspace = Workspace(workspace_root)
    draw(workspace)
    assert draw(workspace, Settings(runtime={"workers": 2})) is None


def test_a_name_of_other_settings_is_refused_and_says_what_differs(workspace_root):
    workspace = Workspace(workspace_root)
    first = draw(workspace, name="mine")
    with pytest.raises(UsageError, match=r"temperature was 0\.2, now 0\.9") as caught:
        draw(workspace, Settings(temperature=0.9), name="mine")
    assert caught.value.exit_code == 2
    assert workspace.newest("sample") == first
    forced = draw(workspace, Settings(temperature=0.9), name="mine", force=True)
    assert forced.fingerprint != first.fingerprint


def test_failures_are_rows_and_are_tried_again(workspace_root):
    workspace = Workspace(workspace_root)
    with workspace.open_run("sample", Settings(), PLAN) as run:
        samples = run.journal("samples.jsonl", Sample)
        samples.append(Sample(task_id="T/1", temperature=0.2, index=0, completion="", finish_reason="error", error="x"))
        assert samples.failed == {"T/1|0.2|0"}
    done = draw(workspace)
    assert done.manifest["work"]["done_since_start"] == 3
    assert [row["finish_reason"] for row in read_rows(done.file("samples.jsonl"))] == ["stop"] * 3


def test_rows_are_sorted_by_key_numbers_as_numbers(workspace_root):
    with Workspace(workspace_root).open_run("sample", Settings(), PLAN) as run:
        samples = run.journal("samples.jsonl", Sample)
        for index in (10, 2, 1):
            samples.append(a_sample(index))
        artifact = run.finish(StageResult(Summary(samples=3), ("samples.jsonl",)))
    assert [row["index"] for row in read_rows(artifact.file("samples.jsonl"))] == [1, 2, 10]


def test_a_damaged_output_is_noticed(workspace_root):
    workspace = Workspace(workspace_root)
    artifact = draw(workspace)
    path = artifact.file("samples.jsonl")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(MissingInputError, match="missing or has changed") as caught:
        artifact.file("samples.jsonl")
    assert "--force" in caught.value.hint
    with pytest.raises(MissingInputError, match="missing or has changed"):
        draw(workspace)


def test_an_output_changed_to_the_same_length_is_noticed_by_who_reads_it(workspace_root):
    artifact = draw(Workspace(workspace_root))
    path = artifact.intact("samples.jsonl", "--samples")
    path.write_bytes(path.read_bytes().replace(b"c0", b"c9"))
    with pytest.raises(MissingInputError, match="is not what coma sample wrote") as caught:
        artifact.intact("samples.jsonl", "--samples")
    assert "--samples" in caught.value.hint


def test_unfinished_runs_are_named_when_one_is_needed(workspace_root):
    workspace = Workspace(workspace_root)
    with pytest.raises(MissingInputError, match="No finished sample run"):
        workspace.require_newest("sample")
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, stop_after=1, name="half")
    with pytest.raises(MissingInputError, match="1 unfinished: half") as caught:
        workspace.require_newest("sample")
    assert caught.value.hint == "coma sample"
    with pytest.raises(MissingInputError, match="unfinished run of coma sample"):
        workspace.artifact_at(workspace_root / "sample" / "half" / "samples.jsonl")


def test_artifacts_are_found_by_folder_and_by_file(workspace_root, tmp_path):
    artifact = draw(Workspace(workspace_root))
    workspace = Workspace(tmp_path)
    assert workspace.artifact_at(artifact.path) == artifact
    assert workspace.artifact_at(artifact.path / "samples.jsonl") == artifact
    assert workspace.artifact_at(tmp_path) is None


def test_a_place_is_a_path_or_the_name_of_a_finished_run(workspace_root, tmp_path, monkeypatch):
    workspace = Workspace(workspace_root)
    artifact = draw(workspace, name="mine")
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, name="half", stop_after=1)
    assert workspace.run_names("sample") == ["mine"]
    assert runs_of("score", "sample")(workspace_root) == ["mine"]
    assert workspace.place_of("mine", "score", "sample") == artifact.path
    assert workspace.place_of(artifact.path, "score") == artifact.path
    for other in ("half", "gone", "mine/"):
        assert workspace.place_of(other, "score") == Path(other)
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    assert workspace.place_of("mine", "sample") == Path("mine")


def test_two_writers_of_one_run_are_refused_and_a_dead_one_leaves_no_lock(workspace_root):
    holder = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from tests.test_workspace import PLAN, Settings, Workspace
        with Workspace(Path({str(workspace_root)!r})).open_run("sample", Settings(), PLAN, name="held") as run:
            print("held", flush=True)
            time.sleep(60)
    """)
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="written by another process"):
            draw(Workspace(workspace_root), name="held")
    finally:
        process.kill()
        process.communicate()
    assert draw(Workspace(workspace_root), name="held") is not None


def test_one_process_can_not_open_a_run_twice(workspace_root):
    workspace = Workspace(workspace_root)
    with (
        workspace.open_run("sample", Settings(), PLAN),
        pytest.raises(UsageError),
        workspace.open_run("sample", Settings(), PLAN),
    ):
        pytest.fail("opened twice")
    assert draw(workspace) is not None


def test_a_forked_child_does_not_keep_the_lock(workspace_root):
    workspace = Workspace(workspace_root)
    reader, writer = os.pipe()
    with workspace.open_run("sample", Settings(), PLAN, name="forked"):
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
    os.close(reader)
    try:
        assert draw(workspace, name="forked") is not None
    finally:
        os.close(writer)
        os.waitpid(child, 0)


def test_scratch_survives_a_restart_and_is_gone_at_the_end(workspace_root):
    workspace = Workspace(workspace_root)
    with workspace.open_run("sample", Settings(), PLAN) as run:
        (run.scratch("parts") / "one").write_text("1")
    with workspace.open_run("sample", Settings(), PLAN) as run:
        folder = run.scratch("parts")
        assert (folder / "one").read_text() == "1"
        (folder / "model").mkdir()
        run.place(folder / "model", "model")
        artifact = run.finish(StageResult(Summary(samples=0), ("model",)))
    assert not folder.exists()
    assert artifact.file("model").is_dir()


def test_the_manifest_says_what_made_it(workspace_root, tmp_path):
    (tmp_path / "data.txt").write_text("x")
    source = Input.of_path("data", tmp_path / "data.txt")
    artifact = draw(Workspace(workspace_root), plan=Plan("toy", (source,), 3, {}))
    manifest = artifact.manifest
    assert manifest["inputs"] == [
        {"name": "data", "path": str(tmp_path / "data.txt"), "content_sha256": source.content_sha256}
    ]
    assert {"packages", "python", "git", "seed", "wall_s", "finished", "command_line"} <= manifest.keys()
    assert artifact.inputs == (source,)
    assert read_json(artifact.path / "settings.json")["settings"]["temperature"] == 0.2


def test_the_content_hash_leaves_out_volatile_fields_only(workspace_root):
    from coma_cli.records import Verdict

    def judged(name, **fields):
        with Workspace(workspace_root).open_run("score", Settings(), PLAN, name=name) as run:
            verdict = {"task_id": "T/1", "temperature": 0.2, "index": 0, "protocol": "default", "verdict": "pass"}
            run.journal("verdicts.jsonl", Verdict).append(Verdict(**{**verdict, **fields}))
            return run.finish(StageResult(Summary(samples=1), ("verdicts.jsonl",))).content_sha256

    base = judged("a", cpu_s=0.1)
    assert judged("b", cpu_s=0.9, attempts=2) == base
    assert judged("c", verdict="fail") != base


def test_a_missing_input_and_a_changed_one(tmp_path):
    with pytest.raises(MissingInputError):
        Input.of_path("data", tmp_path / "absent")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("1")
    before = Input.of_path("data", tmp_path / "d").content_sha256
    (tmp_path / "d" / "a").rename(tmp_path / "d" / "b")
    assert Input.of_path("data", tmp_path / "d").content_sha256 != before


def test_fingerprints_depend_on_command_version_settings_and_inputs():
    from dataclasses import replace

    from coma_cli.pipeline import row_of

    row = row_of("sample")
    fingerprints = {
        fingerprint(row, Settings(), ()),
        fingerprint(replace(row, version=row.version + 1), Settings(), ()),
        fingerprint(row_of("score"), Settings(), ()),
        fingerprint(row, Settings(seed=1), ()),
        fingerprint(row, Settings(), (Input("a", "/x", "1"),)),
    }
    assert len(fingerprints) == 5
    assert fingerprint(row, Settings(n=99), (Input("a", "/other", "1"),)) == fingerprint(
        row, Settings(), (Input("a", "/x", "1"),)
    )


def test_rows_of_unknown_settings_are_not_gone_on_with(workspace_root):
    workspace = Workspace(workspace_root)
    first = draw(workspace, name="mine")
    (first.path / "manifest.json").unlink()
    (first.path / "settings.json").write_text('{"finger')
    with pytest.raises(MissingInputError, match=r"samples\.jsonl.*no valid settings\.json"):
        draw(workspace, Settings(temperature=0.9), name="mine")
    assert (first.path / "samples.jsonl").read_bytes()
    assert draw(workspace, Settings(temperature=0.9), name="mine", force=True).manifest["work"]["done_since_start"] == 3


def test_a_force_that_is_killed_half_way_leaves_nothing_that_passes_for_done(workspace_root, monkeypatch):
    workspace = Workspace(workspace_root)
    first = draw(workspace, name="mine")
    removed, unlink = [], Path.unlink

    def killed(path, missing_ok=False):
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(path.name)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        draw(workspace, Settings(temperature=0.9), name="mine", force=True)
    monkeypatch.undo()
    assert removed[0] == "manifest.json"
    assert workspace.finished("sample") == []
    assert (first.path / "settings.json").exists()
    with pytest.raises(UsageError, match="other settings"):
        draw(workspace, Settings(temperature=0.9), name="mine")


@pytest.mark.parametrize("name", ["..", ".", "../../x", "a/b", "", " ", ".hidden", "-n", "x" * 300, "a\nb"])
def test_a_name_that_would_lead_elsewhere_is_refused(workspace_root, name):
    with pytest.raises(UsageError, match="name of a run"):
        draw(Workspace(workspace_root), name=name)
    assert not workspace_root.exists() or not list(workspace_root.rglob("*.json"))


@pytest.mark.parametrize(
    "content",
    ["[]", "5", "null", "{}", '{"command": "sample", "fingerprint": "f", "content_sha256": "c", "finished": "t"}'],
)
def test_a_manifest_that_is_none_is_an_unfinished_run(workspace_root, content):
    workspace = Workspace(workspace_root)
    first = draw(workspace)
    (first.path / "manifest.json").write_text(content)
    assert workspace.finished("sample") == []
    assert draw(workspace).content_sha256 == first.content_sha256


def test_a_lost_summary_names_the_command_that_makes_it_again(workspace_root):
    workspace = Workspace(workspace_root)
    first = draw(workspace, name="mine")
    (first.path / "summary.json").write_text("{")
    with pytest.raises(MissingInputError, match="missing or has changed") as caught:
        draw(workspace, name="mine")
    assert caught.value.hint == "coma sample --name mine --force"


def test_a_file_where_a_run_or_the_workspace_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    assert Workspace(tmp_path / "absent" / "w").blocker("sample") is None
    assert "is a file" in Workspace(tmp_path / "file" / "w").blocker("sample").message
    (tmp_path / "w" / "sample").mkdir(parents=True)
    (tmp_path / "w" / "sample" / "mine").write_text("kept")
    with pytest.raises(UsageError, match="should be a folder, but is a file"):
        draw(Workspace(tmp_path / "w"), name="mine")
    assert (tmp_path / "w" / "sample" / "mine").read_text() == "kept"


def test_a_place_that_can_not_be_written_is_a_wrong_option(tmp_path):
    """Whoever runs this, root too: /proc refuses everybody, and a file or a link to nothing is no folder."""
    (tmp_path / "file").write_text("")
    (tmp_path / "nothing").symlink_to(tmp_path / "gone" / "x")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "sample").write_text("")
    for place, words in (
        (tmp_path / "file", "file should be a folder, but is a file"),
        (tmp_path / "file" / "below", "file should be a folder, but is a file"),
        (tmp_path / "nothing", "nothing is a symbolic link to nothing"),
        (tmp_path / "w", "sample should be a folder, but is a file"),
        (Path("/proc/coma"), "/proc/coma can't be written"),
        (tmp_path / ("x" * 300), "can't be written: file name too long"),
    ):
        with pytest.raises(UsageError, match=words):
            draw(Workspace(place))
    assert list((tmp_path / "w").iterdir()) == [tmp_path / "w" / "sample"]


REFUSED_TO_NOBODY = """
import os, sys
from pathlib import Path
from coma_cli.errors import UsageError
from coma_cli.workspace import Workspace
from tests.test_workspace import PLAN, Settings, draw

root = Path(sys.argv[1])
draw(Workspace(root), name="warm")
for folder in (root, *root.rglob("*")):
    folder.chmod(0o777 if folder.is_dir() else 0o666)
(root / sys.argv[2]).chmod(0o555)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
workspace = Workspace(root)
assert workspace.finished_run("sample", Settings(), PLAN, name="mine") is not None
for name, attempt in {
    "more": lambda: draw(workspace, Settings(n=5), name="mine"),
    "again": lambda: draw(workspace, name="mine", force=True),
    "other": lambda: draw(workspace, name="other"),
    "answers": workspace.answers_folder,
}.items():
    try:
        attempt()
    except UsageError as error:
        print(name, error)
"""


@pytest.mark.parametrize(
    ("refused", "attempts"),
    [
        ("", ["answers"]),
        ("sample", ["other"]),
        ("sample/mine", ["more", "again"]),
        ("sample/mine/.lock", ["more", "again"]),
    ],
)
def test_a_read_only_folder_is_a_wrong_option_to_whom_it_is_read_only(refused, attempts):
    """In a process without root's rights, which still reads what is finished."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = Path(folder, "w")
        draw(Workspace(root), name="mine")
        command = [sys.executable, "-c", REFUSED_TO_NOBODY, str(root), refused]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        assert list(said) == attempts
        assert all("can't be written" in message and str(root) in message for message in said.values())
