"""Problems made for tests, with what their tests ask."""

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.records import Problem


def problem(number, entry_point, tests, reference, prompt="", **changes):
    """A problem of the benchmark `own`."""
    values = {
        "task_id": f"own/{number}",
        "bench": "own",
        "prompt": prompt or f"Problem {number}",
        "instruction": prompt,
        "entry_point": entry_point,
        "entry_points": (entry_point,),
        "tests": tests,
        "reference": reference,
        "cpu_limit_s": 1.0,
    }
    return Problem.model_validate({**values, **changes})


ZIGZAG = problem(
    1,
    "zigzag_sum",
    "assert zigzag_sum([1, 2, 3]) == 2\nassert zigzag_sum([5]) == 5\nassert zigzag_sum([4, 4, 1, 1]) == 0\n",
    "def zigzag_sum(values):\n    total = 0\n    for place, value in enumerate(values):\n"
    "        total += value if place % 2 == 0 else -value\n    return total\n",
    prompt="Add up a list whose entries alternate in sign, beginning with a positive one.",
)
SHOUT = problem(
    2,
    "shout",
    "def check(candidate):\n    assert candidate('ab', 2) == 'ABAB'\n    assert candidate('x', 0) == ''\n\n"
    "check(shout)\n",
    "def shout(text, times):\n    return text.upper() * times\n",
    prompt="Repeat a text in capital letters.",
)
IS_ROUND = problem(
    3,
    "is_round",
    "assert is_round(1000)\nassert not is_round(1001)\nassert is_round(7)\n",
    "def is_round(number):\n    return not str(number)[1:].strip('0')\n",
    prompt="Tell numbers with zeros after their first digit.",
)
OWN = LoadedBenchmark("own", (ZIGZAG, SHOUT, IS_ROUND), "tests", "0" * 64)
# Functions that do harm, or try to pass by deceit.
HOSTILE = {
    "endless": "def f(x):\n    while True:\n        pass\n    return x\n",
    "endless and deaf": "def f(x):\n    while True:\n        try:\n            x = 1\n        except BaseException:\n"
    "            pass\n    return x\n",
    "hangs in C": "def f(x):\n    return sum(range(10 ** 15))\n",
    "exits": "import sys\n\ndef f(x):\n    sys.exit(0)\n    return x\n",
    "much memory": "def f(x):\n    return [[0] * 10 ** 9 for y in range(99)]\n",
    "equals all": "class Any:\n    def __eq__(self, other):\n        return True\n\ndef f(x):\n    return Any()\n",
    "deep": "def f(x):\n    return f(x) + 1\n",
}
