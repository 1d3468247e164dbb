"""However the work is divided, and wherever it is killed, a build ends in the same bytes."""

import dataclasses
import json
import random
import signal
import time

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.dataset import build_data, locating, parts
from coma_cli.errors import CliError
from coma_cli.formats.data_file import Piece
from coma_cli.settings import load_settings
from coma_cli.workspace import Workspace
from tests.dataset.builds import FILES, build, contents, function
from tests.support.command import coma, start_coma


@pytest.mark.slow
def test_twice_the_same_bytes_for_any_number_of_workers(tmp_path, repo, sources):
    flags = {"from_repo": [str(repo)], "sources": str(sources), "validation_share": 0.3}
    made = [build(tmp_path / f"w{n}-{again}", workers=n, **flags) for n, again in ((1, 0), (1, 1), (2, 0), (4, 0))]
    assert len({artifact.content_sha256 for artifact in made}) == 1
    assert all(contents(artifact) == contents(made[0]) for artifact in made)
    assert made[0].manifest["outputs"].keys() >= set(FILES)


def test_parts_that_an_older_coma_left_in_another_layout_are_made_anew(tmp_path, sources, monkeypatch):
    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    whole = build(tmp_path / "whole", workers=1, sources=str(sources))
    with monkeypatch.context() as older:
        older.setattr(locating, "SUFFIX", ".part2")
        older.setattr(parts, "MARK", b"comapar2")
        older.setattr(build_data, "write_files", killed)
        with pytest.raises(RuntimeError, match="killed"):
            build(tmp_path / "run", workers=1, sources=str(sources))
    assert list((tmp_path / "run").rglob("*.part2"))
    assert contents(build(tmp_path / "run", workers=1, sources=str(sources))) == contents(whole)


@pytest.mark.slow
def test_a_large_file_in_pieces_gives_the_same_rows(tmp_path, sources, monkeypatch):
    rows = [{"instruction": f"Say the number {n} in words.", "input": "", "output": f"number {n}"} for n in range(1200)]
    path = sources / "codealpaca" / "code_alpaca_20k.json"
    for form in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        path.write_text(form)
        monkeypatch.setattr(locating, "PIECE_BYTES", 1 << 30)
        whole = build(tmp_path / f"whole{len(form)}", sources=str(sources))
        monkeypatch.setattr(locating, "PIECE_BYTES", 20_000)
        pieces = [build(tmp_path / f"pieces{len(form)}-{n}", workers=n, sources=str(sources)) for n in (1, 2)]
        assert pieces[0].manifest["work"]["total"] > 4
        assert contents(pieces[0]) == contents(pieces[1])
        assert contents(pieces[0])["train.jsonl"] == contents(whole)["train.jsonl"]
        assert pieces[0].summary == whole.summary


def test_a_source_that_knows_no_pieces_is_divided_all_the_same(tmp_path, sources, monkeypatch):
    whole = build(tmp_path / "whole", sources=str(sources))
    monkeypatch.setattr(locating, "PIECE_BYTES", 300)
    monkeypatch.setattr(Piece, "STRETCH", 1)
    monkeypatch.setitem(SOURCES, "mbpp", dataclasses.replace(SOURCES["mbpp"], reads_pieces=False))
    made = build(tmp_path / "pieces", sources=str(sources))
    assert made.manifest["work"]["total"] > 4
    assert contents(made)["train.jsonl"] == contents(whole)["train.jsonl"]


def test_the_same_bytes_on_a_cluster(tmp_path, repo, sources, ray):
    flags = {"from_repo": [str(repo)], "sources": str(sources)}
    made = [build(tmp_path / str(cluster), runtime__cluster=cluster, **flags) for cluster in (None, "ray")]
    assert contents(made[0]) == contents(made[1])


def test_a_file_that_changes_under_the_run_is_an_error(workspace_root, repo):
    settings = load_settings(build_data.STAGE.settings, flags={"from_repo": [str(repo)], "runtime.workers": 1})
    workspace = Workspace(workspace_root)
    plan = build_data.plan(settings, workspace)
    (repo / "load.py").write_text("x = 1\n")
    with workspace.open_run("build-data", settings, plan) as run, pytest.raises(CliError, match="changed or vanished"):
        build_data.work(run, settings, plan)


@pytest.mark.slow
def test_killed_with_two_workers_it_ends_in_the_same_bytes_and_does_only_what_is_missing(tmp_path, repo, warm_coma):
    for n in range(24):
        (repo / f"copy_{n}.py").write_text("\n\n".join(function("paint", f"wall{n}x{i}", i) for i in range(10)))
    whole = build(tmp_path / "whole", from_repo=[str(repo)], decontaminate_behaviour="report")
    total = whole.manifest["work"]["done_since_start"]
    root = tmp_path / "killed"
    command = ["build-data", "--from-repo", str(repo), "--workers", "2", "-w", str(root)]
    process = warm_coma.start(command, tmp_path, tmp_path / "log")
    while parts_below(root) < 14:
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    done = parts_below(root)
    warm_coma.summary(command, tmp_path)
    made = Workspace(root).require_newest("build-data")
    assert contents(made) == contents(whole)
    # A worker may have put one more part in place between the kill and the count.
    assert total - done - 2 <= made.manifest["work"]["done_since_start"] <= total - done
    assert not list(made.path.glob(".parts"))


def parts_below(root):
    return sum(1 for p in root.glob(f"build-data/*/.parts/*{parts.SUFFIX}") if not p.name.startswith("."))


@pytest.mark.soak
def test_killed_at_ten_random_moments_it_ends_in_the_same_bytes(tmp_path, repo):
    for n in range(60):
        (repo / f"copy_{n}.py").write_text("\n\n".join(function("paint", f"wall{n}x{i}", i) for i in range(25)))
    whole = build(tmp_path / "whole", from_repo=[str(repo)], decontaminate_behaviour="report")
    command = ["build-data", "--from-repo", str(repo), "-w", str(tmp_path / "killed")]
    draw = random.Random(7)
    kills = 0
    for number in range(10):
        workers = ("--workers", str((1, 2, 4)[number % 3]))
        process = start_coma([*command, *workers])
        before = parts_below(tmp_path / "killed")
        deadline = time.monotonic() + 60
        while parts_below(tmp_path / "killed") < before + draw.randrange(1, 5) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(draw.random() * 0.02)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert kills >= 5
    assert coma(*command, "--workers", "2").returncode == 0
    assert contents(Workspace(tmp_path / "killed").require_newest("build-data")) == contents(whole)
