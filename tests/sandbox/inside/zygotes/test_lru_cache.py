"""What is kept for the next program: the values last used, up to a weight."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from coma_cli.sandbox import Program, Sandbox
from coma_cli.sandbox.inside.zygotes.lru_cache import TESTS_WEIGHT, LruCache

LIMIT = 100


@given(uses=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 130)), max_size=60))
def test_the_least_recently_used_are_evicted_when_all_weigh_too_much(uses: list[tuple[int, int]]) -> None:
    kept: LruCache[int, str] = LruCache(LIMIT)
    model: OrderedDict[int, int] = OrderedDict()
    for key, weight in uses:
        if kept.get(key) is not None:
            assert key in model
            model.move_to_end(key)
            continue
        assert key not in model
        left = kept.put(key, str(key), weight)
        gone = []
        while model and sum(model.values()) + weight > LIMIT:
            gone.append(str(model.popitem(last=False)[0]))
        assert left == gone
        model[key] = weight
        assert sum(model.values()) <= LIMIT or len(model) == 1


def test_problems_that_exceed_the_cache_are_judged_correctly_in_any_order(shared_sandbox: Sandbox) -> None:
    padding = "# " + "x" * (TESTS_WEIGHT // 2) + "\n"
    for mode in ("split", "inproc"):
        programs = [
            Program(
                f"{turn}-{number}",
                f"def f():\n    return {number if turn < 2 else number + 1}\n",
                f"{padding}assert f() == {number}",
                entry_points=("f",),
                mode=mode,
            )
            for turn in range(3)
            for number in range(4)
        ]
        found = {outcome.key: outcome.verdict for outcome in shared_sandbox.run(programs)}
        assert found == {program.key: "pass" if program.key[0] != "2" else "fail" for program in programs}
