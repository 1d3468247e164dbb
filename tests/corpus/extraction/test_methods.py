from coma_cli.corpus.extraction.methods import callable_method

SOLUTION = """from __future__ import annotations
from __future__ import (
    generator_stop,
)
class Solution:
    def __init__(self):
        self.calls = 0
    def count(self, numbers: List[int], more: Later) -> int:
        self.calls += 1
        return self.calls, Counter(numbers)[more], math.gcd(4, 6), heappop([3, 1])
"""


def defined(source: str) -> dict:
    names: dict = {}
    exec(compile(source, "program", "exec"), names)  # a program of this test
    return names


def test_each_call_has_an_instance_of_its_own_and_usual_names_need_no_import():
    call = defined(callable_method(SOLUTION, "Solution", "count", "_call"))["_call"]
    assert call([1, 1], 1) == call([1, 1], 1) == (1, 2, 2, 3)


def test_what_is_not_python_stays_so():
    source = callable_method("class Solution:\n    def (", "Solution", "count", "_call")
    try:
        compile(source, "program", "exec")
    except SyntaxError:
        return
    raise AssertionError(source)
