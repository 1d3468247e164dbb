"""How many programs at once and how much memory: what the machine has, unless a quota or a limit says less."""

import os
from pathlib import Path

import pytest

from coma_cli.parallel.machine import cpu_quota, default_workers, memory_mb, own_cores, physical_cores


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "20000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.2),
        ({"cpu.max": "odd\n"}, None),
        ({}, None),
    ],
)
def test_the_quota_is_read_from_either_version(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == quota


def test_a_small_quota_leaves_one_worker(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("20000 100000\n")
    assert default_workers(tmp_path) == 1


def test_without_a_quota_there_is_a_worker_for_each_core(tmp_path: Path) -> None:
    assert default_workers(tmp_path) >= 1


def test_workers_have_cores_of_their_own_only_where_the_numbers_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 1})
    assert own_cores(2) == [1, 3]
    assert own_cores(3) == [None, None, None]
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1})
    assert own_cores(1) == [None]


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": "67108864\n"}, 64),
        ({"memory/memory.limit_in_bytes": "33554432\n"}, 32),
        ({"memory.max": "max\n"}, None),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({}, None),
    ],
)
def test_memory_is_that_of_the_machine_or_its_cgroup(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    installed = memory_mb(tmp_path / "absent")
    assert installed > 100
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory_mb(tmp_path) == (limit or installed)


def test_cores_that_run_two_threads_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3, 4})
    assert physical_cores(tmp_path) == 5
    for number, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n")
    assert physical_cores(tmp_path) == 3
