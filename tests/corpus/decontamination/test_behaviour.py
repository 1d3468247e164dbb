"""Level 3 as a whole: real runs in the sandbox, with problems made for it."""

import pytest

from coma_cli.cache import EntryCache
from coma_cli.corpus.decontamination import behaviour
from coma_cli.corpus.decontamination.behaviour import BehaviouralCheck
from coma_cli.corpus.decontamination.candidate_functions import candidates_in
from coma_cli.corpus.decontamination.solvable_problems import solvable
from tests.corpus.decontamination.problems import HOSTILE, IS_ROUND, OWN, SHOUT, ZIGZAG

METHOD = "class Tool:\n    def run(self, text, times):\n        return text.upper() * times\n"
OTHER_WAY = "def alternate(numbers):\n    return sum(numbers[::2]) - sum(numbers[1::2])\n"


def candidates(*texts):
    return {candidate.key: candidate for candidate in candidates_in(texts)}


@pytest.fixture
def check(isolation, tmp_path):
    return BehaviouralCheck(solvable([OWN]), isolation, 2, EntryCache(tmp_path))


def test_what_behaves_like_a_solution_solves_whatever_it_looks_like(check):
    given = candidates(OTHER_WAY, METHOD, IS_ROUND.reference, "def f(x):\n    return x\n")
    assert list(check.solved_by(given).values()) == [(0,), (1,), (2,), ()]


@pytest.mark.slow
def test_hostile_functions_solve_nothing(check):
    given = candidates(*HOSTILE.values())
    assert len(given) == len(HOSTILE)
    assert set(check.solved_by(given).values()) == {()}


def test_only_the_run_in_a_process_of_its_own_decides(check, monkeypatch):
    """A first step that lets everything through, as one that was deceived would."""
    monkeypatch.setattr(
        behaviour.Screening, "run", lambda self, given, on_tried: [(candidate, (0, 1, 2)) for candidate in given]
    )
    quick = [HOSTILE[kind] for kind in ("exits", "equals all", "deep")]
    given = candidates(OTHER_WAY, *quick)
    assert list(check.solved_by(given).values()) == [(0,), (), (), ()]


def test_the_number_of_workers_changes_nothing(isolation, tmp_path):
    quick = [HOSTILE[kind] for kind in ("endless", "exits", "much memory", "equals all", "deep")]
    texts = [OTHER_WAY, METHOD, *quick, *(f"def f{n}(x):\n    return x * {n}\n" for n in range(200))]
    given = candidates(*texts, SHOUT.reference)
    problems = solvable([OWN])
    one, two = (
        BehaviouralCheck(problems, isolation, workers, EntryCache(tmp_path / str(workers))).solved_by(given)
        for workers in (1, 2)
    )
    assert one == two
    assert sum(map(len, one.values())) == 3


def test_known_functions_are_not_run_again(check, monkeypatch):
    first = check.solved_by(candidates(OTHER_WAY, METHOD))
    tried: list[str] = []
    run = behaviour.Screening.run

    def watched(self, given, on_tried):
        tried.extend(candidate.program for candidate in given)
        return run(self, given, on_tried)

    monkeypatch.setattr(behaviour.Screening, "run", watched)
    again = check.solved_by(candidates(OTHER_WAY, METHOD, ZIGZAG.reference))
    assert len(tried) == 1
    assert "enumerate" in tried[0]
    assert again.items() >= first.items()


def test_functions_that_differ_in_names_only_run_once(check, monkeypatch):
    tried: list[str] = []
    run = behaviour.Screening.run

    def watched(self, given, on_tried):
        tried.extend(candidate.program for candidate in given)
        return run(self, given, on_tried)

    monkeypatch.setattr(behaviour.Screening, "run", watched)
    counted: list[int] = []
    given = candidates(OTHER_WAY, OTHER_WAY.replace("numbers", "many"), OTHER_WAY.replace("alternate", "zigzag_sum"))
    assert list(check.solved_by(given, counted.append).values()) == [(0,), (0,), (0,)]
    assert len(tried) == 1
    assert sum(counted) == len(given) == 3


def test_other_problems_are_another_entry(check, isolation):
    check.solved_by(candidates(OTHER_WAY))
    other = BehaviouralCheck(solvable([OWN])[1:], isolation, 1, check.entries)
    assert list(other.solved_by(candidates(METHOD)).values()) == [(0,)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": ["x"]}'])
def test_a_broken_entry_counts_as_none(check, content):
    for name in ("first", "second"):
        check.entries.write(name, content)
    check.solved_by(candidates(METHOD))
    (entry,) = [path for path in check.entries.folder.iterdir() if path.suffix == ".json"]
    check.entries.write(entry.name, content)
    assert list(check.solved_by(candidates(METHOD)).values()) == [(1,)]
