import pytest

from coma_cli.corpus.decontamination.step_counting import STEP, counting_steps


@pytest.mark.parametrize(
    ("program", "steps"),
    [
        ("def f():\n    return 1", 1),
        ("def f():\n    for x in range(7):\n        pass", 8),
        ("def f():\n    n = 5\n    while n:\n        n -= 1", 6),
        ("def f():\n    return [x for x in range(9) if x > 5]", 10),
        ("g = lambda x: x + 1\ndef f():\n    return sum(map(g, range(4)))", 5),
        ("def f(n=3):\n    return 1 if n == 0 else f(n - 1)", 4),
    ],
)
def test_calls_and_turns_of_loops_count(program, steps):
    counted: list[int] = []
    names = {STEP: lambda: counted.append(1)}
    exec(counting_steps(program), names)
    plain: dict = {}
    exec(program, plain)
    assert names["f"]() == plain["f"]()
    assert len(counted) == steps
