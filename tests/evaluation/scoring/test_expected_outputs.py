"""Answers of references come out of the sandbox as plain values, are kept, and problems are complete with them."""

import time
from dataclasses import replace

import pytest

from coma_cli.cache import EntryCache
from coma_cli.catalog.benchmarks.evalplus_check import check_source
from coma_cli.corpus.extraction.programs import program_of
from coma_cli.evaluation.scoring.expected_outputs import (
    AnswerFinder,
    Answers,
    FoundAnswers,
    check_parts,
    published,
    stages_of,
)
from coma_cli.records import InputSets, Problem
from coma_cli.sandbox import Limits, Sandbox, SandboxError
from coma_cli.sandbox.calls import ProgramCaller


def problem(
    reference: str, base: str, plus: str = "[]", *, task_id: str = "t/1", only_whether: bool = False
) -> Problem:
    sets = InputSets(
        base=base,
        plus=plus,
        base_count=len(eval(base)),
        plus_count=len(eval(plus)),
        base_cpu_limit_s=2,
        only_whether=only_whether,
        published_tests=("assert f(1) == 2",),
    )
    return Problem(
        task_id=task_id,
        bench="b",
        prompt="",
        instruction="",
        entry_point="f",
        entry_points=("f",),
        tests=check_source("f", 0, "whether" if only_whether else ""),
        reference=reference,
        cpu_limit_s=4,
        input_sets=sets,
    )


DOUBLE = problem("def f(x):\n    return x * 2\n", "[[1], ['a']]", "[[(1, 2)], [10**30]]")


def limits(problem: Problem) -> Limits:
    return Limits(cpu_s=problem.cpu_limit_s)


@pytest.fixture
def finder(isolation, tmp_path):
    return AnswerFinder(isolation, "machine", limits, kept=EntryCache(tmp_path / "kept"))


def find(finder: AnswerFinder, *problems: Problem) -> tuple[dict[str, Answers], list[bool]]:
    ran: list[bool] = []
    return {task_id: found.answers for task_id, found in finder.find(problems, ran.append).items()}, ran


def as_found(answers: dict[str, Answers]) -> dict[str, FoundAnswers]:
    return {task_id: FoundAnswers(of) for task_id, of in answers.items()}


def verdicts(problem: Problem, answers: dict[str, Answers], *sources: str, mode="split") -> list[list[str]]:
    """For each program its verdicts on the base and on the plus inputs."""
    parts = stages_of(problem, as_found(answers))
    programs = [
        program_of(part, source, f"{number}|{place}", mode, Limits(cpu_s=part.cpu_limit_s))
        for number, source in enumerate(sources)
        for place, part in enumerate(parts)
    ]
    with Sandbox(workers=1) as sandbox:
        found = {outcome.key: outcome.verdict for outcome in sandbox.run(programs)}
    return [[found[f"{number}|{place}"] for place in range(len(parts))] for number in range(len(sources))]


def test_answers_are_found_and_kept(finder):
    answers, ran = find(finder, DOUBLE)
    assert answers == {"t/1": Answers("[2, 'aa']", f"[(1, 2, 1, 2), {hex(2 * 10**30)}]")} and ran == [True]
    again, ran = find(finder, DOUBLE.model_copy(update={"task_id": "t/2"}))
    assert again["t/2"] == answers["t/1"] and ran == [False]
    other = problem(DOUBLE.reference.replace("2", "3"), DOUBLE.input_sets.base)
    assert find(finder, other)[0]["t/1"].base == "[3, 'aaa']"


@pytest.mark.parametrize(
    "change",
    [{"machine": "another"}, {"limits_of": lambda problem: Limits(cpu_s=4, memory_mb=512)}, {"again": True}],
    ids=["machine", "limits", "again"],
)
def test_answers_of_other_conditions_are_found_again(finder, change):
    answers, _ = find(finder, DOUBLE)
    assert find(replace(finder, **change), DOUBLE) == (answers, [True])
    assert find(finder, DOUBLE) == (answers, [False])


def test_answers_that_can_not_be_kept_are_found_each_time(isolation, tmp_path):
    (tmp_path / "file").write_text("")
    finder = AnswerFinder(isolation, "machine", limits, kept=EntryCache(tmp_path / "file" / "kept"))
    assert find(finder, DOUBLE) == find(finder, DOUBLE)
    assert find(finder, DOUBLE)[1] == [True]


@pytest.mark.parametrize("damage", [b"", b"[1", b"[1]\n[2\n", b"[1]\n[2]\n[3]\n", b"\xff\xff\n\n", b"[1]\n[2]"])
def test_a_damaged_file_of_the_cache_is_made_again(finder, damage):
    whole, _ = find(finder, DOUBLE)
    (kept,) = finder.kept.folder.iterdir()
    kept.write_bytes(damage)
    assert find(finder, DOUBLE) == (whole, [True])


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_right_programs_pass_and_mutants_fail_in_both_sets(finder, mode):
    answers, _ = find(finder, DOUBLE)
    right = "def f(y):\n    return y + y\n"
    base_only = "def f(x):\n    return x * 2 if not isinstance(x, tuple) else None\n"
    found = verdicts(DOUBLE, answers, right, base_only, "def f(x):\n    return None\n", "def g(x): pass\n", mode=mode)
    assert found == [["pass", "pass"], ["pass", "fail"], ["fail", "fail"], ["fail", "fail"]]


@pytest.mark.parametrize(
    "reference",
    [
        "import collections\ndef f(x):\n    return collections.Counter('aab')\n",
        "def f(x):\n    return ['x' * 100] * 3000\n",
        "def f(x):\n    return [0] * 1_000_001\n",
    ],
    ids=["a counter", "long", "many parts"],
)
def test_answers_that_are_not_kept_are_found_beside_the_tests(finder, reference):
    it = problem(reference, "[[1]]")
    answers, _ = find(finder, it)
    assert answers["t/1"].base == ""
    found = verdicts(it, answers, reference, "def f(x):\n    return []\n", mode="inproc")
    assert found == [["pass", "pass"], ["fail", "pass"]]  # there are no plus inputs


def test_a_reference_that_fails_has_no_answers_and_fails_its_check(finder):
    it = problem("def f(x):\n    return 1 // x\n", "[[0]]", "[[1]]")
    answers, _ = find(finder, it)
    assert answers["t/1"] == Answers("", "[1]")
    assert verdicts(it, answers, it.reference) == [["fail", "pass"]]


def test_where_only_whether_there_is_an_answer_counts(finder):
    reference = "import re\ndef f(x):\n    return re.match('a', x)\n"
    it = problem(reference, "[['ab'], ['b']]", only_whether=True)
    answers, _ = find(finder, it)
    assert answers["t/1"].base == "[True, False]"
    other = "def f(x):\n    return x.startswith('a')\n"
    assert verdicts(it, answers, reference, other, mode="inproc") == [["pass", "pass"]] * 2
    assert verdicts(it, answers, reference, other) == [["pass", "pass"]] * 2


def test_a_plain_problem_has_one_stage_and_no_published_tests():
    plain = DOUBLE.model_copy(update={"input_sets": None})
    assert stages_of(plain, {}) == (plain,) and published(plain) == ()
    assert [part.tests for part in published(DOUBLE)] == ["assert f(1) == 2"]


def test_stages_keep_their_own_limits(finder):
    base, plus = stages_of(DOUBLE, as_found(find(finder, DOUBLE)[0]))
    assert (base.cpu_limit_s, plus.cpu_limit_s) == (2, 4)


def test_numpy_is_there_for_references_that_name_it(finder):
    pytest.importorskip("numpy")
    it = problem("import numpy as np\ndef f(x):\n    return float(np.mean(x))\n", "[[[1, 2]]]")
    assert find(finder, it)[0]["t/1"].base == "[1.5]"


def test_answers_are_found_by_several_at_a_time_and_only_once(isolation, tmp_path):
    finder = AnswerFinder(isolation, "machine", limits, workers=3, kept=EntryCache(tmp_path / "kept"))
    problems = [problem(f"def f(x):\n    return x + {n}\n", "[[1]]", task_id=f"t/{n}") for n in range(9)]
    answers, ran = find(finder, *problems)
    assert {task_id: of.base for task_id, of in answers.items()} == {f"t/{n}": f"[{n + 1}]" for n in range(9)}
    assert ran == [True] * 9
    assert find(finder, *problems) == (answers, [False] * 9)


def test_a_broken_caller_ends_the_search_and_waits_for_no_reference(isolation, tmp_path, monkeypatch):
    calls = []

    def broken(self, source, *rest):
        calls.append(source)
        if len(calls) > 1:
            raise SandboxError("the zygote has died")
        return real(self, source, *rest)

    real = ProgramCaller.values
    monkeypatch.setattr(ProgramCaller, "values", broken)
    finder = AnswerFinder(
        isolation, "machine", lambda it: Limits(cpu_s=600), workers=2, kept=EntryCache(tmp_path / "kept")
    )
    endless = [problem("def f(x):\n    while True: pass\n", "[[1]]", task_id=f"t/{n}") for n in range(4)]
    started = time.monotonic()
    with pytest.raises(SandboxError):
        find(finder, *endless)
    assert time.monotonic() - started < 30


BURN = "import time\ndef burn():\n    end = time.process_time() + 0.7\n    while time.process_time() < end: pass\n\n"
SLOW = problem(f"{BURN}def f(x, y=0):\n    burn()\n    return x * 2 + y\n", "[[1]]", "[[2]]")


def parts_of(finder: AnswerFinder, it: Problem) -> tuple[Problem, ...]:
    """What the reference of a problem whose answers were just found still has to pass."""
    found = finder.find([it], lambda ran: None)
    return check_parts(it, stages_of(it, found), found[it.task_id])


def outcomes(parts: tuple[Problem, ...], cpu_s: float) -> list[str]:
    programs = [program_of(p, p.reference, str(n), "split", Limits(cpu_s=cpu_s)) for n, p in enumerate(parts)]
    with Sandbox(workers=1) as sandbox:
        found = {outcome.key: outcome.verdict for outcome in sandbox.run(programs)}
    return [found[str(n)] for n in range(len(parts))]


def test_the_run_that_gives_the_answers_is_the_check(finder):
    found = finder.find([SLOW], lambda ran: None)["t/1"]
    assert found.cpu_s is not None and all(0.6 < seconds < 3 for seconds in found.cpu_s)
    (part,) = check_parts(SLOW, (SLOW, SLOW), found)
    assert part.tests == "assert f(1) == 2"  # the published test alone
    assert outcomes((part,), 0.5) == ["pass"]  # the reference itself would take longer
    assert outcomes((part.model_copy(update={"reference": SLOW.reference}),), 0.5) == ["timeout"]
    again = finder.find([SLOW], lambda ran: None)["t/1"]
    assert again == FoundAnswers(found.answers)  # kept, so that all tests have to be passed again
    stages = stages_of(SLOW, {"t/1": again})
    assert check_parts(SLOW, stages, again) == (*stages, *published(SLOW))


def test_a_reference_that_recalls_computes_what_it_has_not_answered(finder):
    (part,) = parts_of(finder, SLOW)
    for tests, verdict in [
        ("assert f(3) == 6", "pass"),
        ("assert f(1, y=1) == 3", "pass"),
        ("assert f(2) == 5", "fail"),
    ]:
        assert outcomes((part.model_copy(update={"tests": tests}),), 2) == [verdict]
    assert outcomes((part.model_copy(update={"tests": "assert f(1.0) == 2"}),), 0.5) == ["timeout"]  # not the int 1


def test_a_wrong_reference_is_found_out_by_the_published_tests(finder):
    wrong = problem(f"{BURN}def f(x):\n    burn()\n    return x * 3\n", "[[1]]", "[[2]]")
    assert outcomes(parts_of(finder, wrong), 0.5) == ["fail"]


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": "def f(x):\n    return float('nan')\n"},
        {"reference": "def f(x):\n    return {1}.union\n"},
        {"tests": check_source("f", 0, "root")},
        {"tests": check_source("f", 0, "set")},
        {"tests": "assert f(1) == 2"},
        {"input_sets": SLOW.input_sets.model_copy(update={"only_whether": True})},
        {"input_sets": SLOW.input_sets.model_copy(update={"published_tests": ()})},
    ],
    ids=[
        "not a number",
        "no plain value",
        "a rule",
        "another rule",
        "other tests",
        "only whether",
        "nothing published",
    ],
)
def test_every_test_is_run_where_giving_the_answers_proves_nothing(finder, changed):
    it = DOUBLE.model_copy(update=changed)
    assert len(parts_of(finder, it)) == 2 + len(published(it))
