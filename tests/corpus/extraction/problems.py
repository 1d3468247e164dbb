"""Problems whose references stand for right answers."""

import sys

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.records import Problem

HUMANEVAL = BENCHMARKS["humaneval"].load().problems
BY_ID = {p.task_id: p for p in HUMANEVAL}
MBPP = Problem(
    task_id="MBPP/11",
    bench="mbpp",
    prompt="",
    instruction="",
    entry_point="double",
    entry_points=("double",),
    tests="assert double(2) == 4\n",
    reference="def double(x):\n    return 2 * x",
    cpu_limit_s=10,
)


def passes(problem: Problem, source: str) -> bool:
    """Whether a program passes; only for code of these tests and of the benchmark itself, which is trusted."""
    limit = sys.getrecursionlimit()
    try:
        exec(f"{source}\n{problem.setup}{problem.tests}", {})
    except (Exception, SystemExit):
        return False
    finally:
        sys.setrecursionlimit(limit)  # a program may have raised it, and deep recursion would end this process
    return True


def body(problem: Problem) -> str:
    """The reference as a completion of the prompt."""
    return problem.reference.removeprefix(problem.prompt_code)
