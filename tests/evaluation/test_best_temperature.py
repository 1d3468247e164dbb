"""The best temperature per k: which is taken, what is comparable, and that its choice is called what it is."""

from coma_cli.evaluation.best_temperature import best_temperatures, lines
from coma_cli.evaluation.results import count
from coma_cli.records import Verdict


def verdicts(task: str, temperature: float | None, correct: int, samples: int = 4, protocol: str = "default"):
    return [
        Verdict(
            task_id=task, temperature=temperature, index=index, protocol=protocol,
            verdict="pass" if index < correct else "fail",
        )
        for index in range(samples)
    ]  # fmt: skip


# At T=0.2 one problem always passes and one never does; at T=0.8 each passes once in four.
ROWS = [*verdicts("a", 0.2, 4), *verdicts("b", 0.2, 0), *verdicts("a", 0.8, 1), *verdicts("b", 0.8, 1)]


def best(rows, ks=(1, 4), protocols=("default",)):
    return best_temperatures(count(rows, protocols, ks, (), 0).results)


def test_a_low_temperature_is_best_for_small_k_and_a_high_one_for_large_k():
    found = best(ROWS)
    assert [(b.k, b.temperature, b.value, b.temperatures) for b in found] == [(1, 0.2, 0.5, 2), (4, 0.8, 1.0, 2)]
    (line,) = lines([b.model_dump() for b in found])
    assert line.startswith("Best temperature per k: pass@1 50.00 % at T=0.2, pass@4 100.00 % at T=0.8; ")
    assert "chosen on the same problems" in line


def test_of_equal_temperatures_the_lowest():
    rows = [*verdicts("a", 0.8, 2), *verdicts("a", 0.2, 2), *verdicts("a", 0.5, 2)]
    assert [(b.k, b.temperature) for b in best(rows)] == [(1, 0.2), (4, 0.2)]


def test_nothing_is_chosen_where_nothing_can_be_compared():
    assert best(verdicts("a", 0.2, 4)) == []
    assert best([*verdicts("a", 0.2, 4), *verdicts("a", None, 1)]) == []
    assert best([*verdicts("a", 0.2, 4), *verdicts("b", 0.2, 1), *verdicts("a", 0.8, 1)]) == []
    few = [*verdicts("a", 0.2, 1), *verdicts("a", 0.8, 1, samples=2)]
    assert [b.k for b in best(few)] == [1]  # pass@4 is defined for one of them only


def test_each_protocol_has_its_own():
    rows = [*ROWS, *verdicts("a", 0.2, 0, protocol="as-is"), *verdicts("a", 0.8, 3, protocol="as-is")]
    found = best(rows, protocols=("default", "as-is"))
    assert [(b.protocol, b.k, b.temperature) for b in found][2:] == [("as-is", 1, 0.8), ("as-is", 4, 0.8)]
    assert len(list(lines([b.model_dump() for b in found]))) == 2
