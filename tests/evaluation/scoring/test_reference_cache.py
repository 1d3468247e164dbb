"""Known references: what their keys depend on, and that nothing but passing ones of one machine is ever known."""

import json
import multiprocessing

import pytest

from coma_cli.cache import EntryCache
from coma_cli.evaluation.scoring.reference_cache import DRAWN, ReferenceCache, draw, reference_key
from coma_cli.evaluation.scoring.references import ReferenceCheck
from coma_cli.records import InputSets, Problem
from coma_cli.sandbox import Limits

SETS = InputSets(base="[[1]]", plus="[[2]]", base_count=1, plus_count=1, base_cpu_limit_s=1)
PROBLEM = Problem(
    task_id="t/1",
    bench="b",
    prompt="def f(x):\n",
    instruction="Write f.",
    prompt_code="def f(x):\n",
    entry_point="f",
    entry_points=("f",),
    setup="import math\n",
    tests="assert f(1) == 1\n",
    reference="def f(x):\n    return x\n",
    cpu_limit_s=3,
    input_sets=SETS,
)


def key(*parts: Problem, limits: Limits | None = None, mode="split") -> str:
    return reference_key(parts or (PROBLEM,), lambda problem: limits or Limits(), mode)


def test_equal_problems_have_equal_keys():
    assert key(Problem.from_row(PROBLEM.to_row(), "")) == key()


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": "t/2"},
        {"prompt": "def f(y):\n"},
        {"prompt_code": "def f(y):\n"},
        {"setup": ""},
        {"tests": "assert f(1) == 2\n"},
        {"entry_point": "g"},
        {"entry_points": ("f", "g")},
        {"reference": "def f(x):\n    return x + 0\n"},
        {"reference": "# \ud800\ndef f(x):\n    return x\n"},
        {"input_sets": SETS.model_copy(update={"plus": "[[3]]"})},
        {"input_sets": SETS.model_copy(update={"published_tests": ("assert f(3) == 3",)})},
        {"input_sets": None},
    ],
    ids=lambda change: ", ".join(change),
)
def test_every_part_of_a_problem_is_in_its_key(change):
    assert key(PROBLEM.model_copy(update=change)) != key()


@pytest.mark.parametrize(
    "limits", [Limits(cpu_s=2), Limits(wall_s=11), Limits(memory_mb=512), Limits(allow_fork=True)], ids=str
)
def test_every_limit_is_in_the_key(limits):
    assert key(limits=limits) != key()


def test_the_mode_and_the_number_of_parts_are_in_the_key():
    assert len({key(), key(mode="inproc"), key(PROBLEM, PROBLEM)}) == 3


def check(task_id: str, verdict: str = "pass", mode: str = "split") -> ReferenceCheck:
    return ReferenceCheck(task_id=task_id, mode=mode, verdict=verdict, cpu_s=0.5)


KEYS = {f"t/{number}": f"key {number}" for number in range(4)}


@pytest.fixture
def cache(tmp_path):
    return ReferenceCache("b", "machine", EntryCache(tmp_path))


def test_what_passed_is_known_and_what_failed_is_not(cache):
    cache.keep(KEYS, {"t/0": check("t/0"), "t/1": check("t/1", "fail"), "t/2": check("t/2", mode="inproc")})
    assert cache.known(KEYS) == {"t/0": check("t/0"), "t/2": check("t/2", mode="inproc")}
    cache.keep(KEYS, {"t/3": check("t/3")})
    assert cache.known(KEYS).keys() == {"t/0", "t/2", "t/3"}
    assert cache.known({"t/0": "another key"}) == {}
    assert cache.known({"t/1": "key 0"}) == {}  # a key of another problem
    cache.discard()
    assert cache.known(KEYS) == {}


def test_what_is_known_of_one_benchmark_or_machine_is_not_of_another(cache):
    cache.keep(KEYS, {"t/0": check("t/0")})
    for other in (ReferenceCache("c", "machine", cache.entries), ReferenceCache("b", "another", cache.entries)):
        assert other.known(KEYS) == {}
        other.discard()
    assert cache.known(KEYS).keys() == {"t/0"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"key 0": 1}',
        json.dumps({"key 0": {**check("t/0").to_row(), "schema_version": 2}}).encode(),
        json.dumps({"key 0": {**check("t/0").to_row(), "verdict": "fail"}}).encode(),
        json.dumps({"key 0": {"task_id": "t/0"}}).encode(),
    ],
)
def test_content_of_another_form_is_not_known_and_is_replaced(cache, content):
    cache.entries.write(cache.name, content)
    assert cache.known(KEYS) == {}
    cache.keep(KEYS, {"t/0": check("t/0")})
    assert cache.known(KEYS).keys() == {"t/0"}


def keep_often(folder, task_id):
    cache = ReferenceCache("b", "machine", EntryCache(folder))
    for number in range(100):
        cache.keep({task_id: f"{task_id} {number}"}, {task_id: check(task_id)})


def test_several_writers_at_a_time_leave_whole_entries(cache):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=keep_often, args=(cache.entries.folder, f"t/{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    last = [cache.known({f"t/{n}": f"t/{n} 99"}) for n in range(3)]
    assert any(last)


def test_a_few_are_drawn_by_the_seed_and_all_where_there_are_few():
    many = [f"t/{number}" for number in range(100)]
    drawn = {seed: draw(many, seed) for seed in ("0", "1")}
    assert draw(reversed(many), "0") == drawn["0"] != drawn["1"]
    assert all(len(names) == DRAWN and names <= set(many) for names in drawn.values())
    assert draw(many[:3], "0") == set(many[:3]) and draw([], "0") == set()
