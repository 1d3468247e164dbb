"""Programs on a Ray cluster of this machine: real actors, one of them killed in the middle."""

import os
import signal
from collections import Counter
from importlib import util

import pytest

from coma_cli.evaluation.scoring.cluster import RayRunner, SandboxOptions
from coma_cli.parallel import ray_cluster
from coma_cli.sandbox import Limits, Program, SandboxError, probe_isolation
from tests.evaluation.sampled import HUMANEVAL, right
from tests.evaluation.score_command import Coma
from tests.support.files import write_lines


@pytest.fixture
def options():
    return SandboxOptions(Limits(cpu_s=1), workers=2)


@pytest.fixture(scope="module")
def level():
    return probe_isolation("auto").level


def program(number: int) -> Program:
    answer = number if number % 3 else -1
    source = f"def f():\n    return {answer}\n"
    return Program(f"p{number}", source, f"assert f() == {number}", entry_points=("f",))


def expected(count: int) -> dict[str, str]:
    return {f"p{number}": "pass" if number % 3 else "fail" for number in range(count)}


def test_every_program_has_one_outcome_and_few_are_taken_ahead(ray, options, level):
    taken = 0

    def programs():
        nonlocal taken
        for number in range(100):
            taken += 1
            yield program(number)

    with RayRunner(options, level, shard=10) as runner:
        assert len(runner.actors) == 1
        outcomes = runner.run(programs())
        found = {(first := next(outcomes)).key: first.verdict}
        assert taken <= 40
        found.update((outcome.key, outcome.verdict) for outcome in outcomes)
    assert found == expected(100)


def test_the_shards_of_a_killed_node_are_run_again(ray, options, level):
    counted: Counter[str] = Counter()
    verdicts = {}
    with RayRunner(options, level, shard=20) as runner:
        (before,) = runner.actors.values()
        for place, outcome in enumerate(runner.run(map(program, range(200)))):
            counted[outcome.key] += 1
            verdicts[outcome.key] = outcome.verdict
            if place == 30:
                (pid,) = killed = [ray.get(before.__ray_call__.remote(lambda self: os.getpid()))]
                os.kill(pid, signal.SIGKILL)
        (after,) = runner.actors.values()
        assert after is not before and killed
    assert verdicts == expected(200) and set(counted.values()) == {1}


def test_a_node_of_another_level_is_refused(ray, options):
    with pytest.raises(SandboxError, match="isolates at level"):
        RayRunner(options, "a level that there is not").__enter__()


def test_a_score_on_a_cluster_is_the_score_of_one_machine(ray, tmp_path, capsys):
    coma = Coma(tmp_path, capsys)
    rows = [{"task_id": p.task_id, "completion": t} for p in HUMANEVAL[:6] for t in (right(p), "    return 7\n")]
    base = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows), "--workers", "2")
    hashes = set()
    for name, more in (("here", ()), ("there", ("--cluster", "ray"))):
        assert coma(*base, *more, "--name", name)["verdicts"]["pass"] == 6
        hashes.add(coma.workspace.newest("score").content_sha256)
    assert len(hashes) == 1


def test_a_cluster_without_ray_is_refused_before_anything_runs(monkeypatch, tmp_path, capsys):
    find_spec = util.find_spec
    monkeypatch.setattr(ray_cluster.util, "find_spec", lambda name: None if name == "ray" else find_spec(name))
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": "HumanEval/0", "completion": right(HUMANEVAL[0])}])
    said = Coma(tmp_path, capsys)("--bench", "humaneval", "--samples", path, "--cluster", "ray", code=4)
    assert "coma-cli[ray]" in said


def test_without_ray_the_package_is_named(monkeypatch):
    monkeypatch.setattr(ray_cluster.util, "find_spec", lambda name: None)
    error = ray_cluster.blocker()
    assert error is not None and "coma-cli[ray]" in error.hint
