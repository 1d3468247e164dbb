"""Runs a benchmark's own solutions in this process: they are trusted."""

from coma_cli.records import Problem


def run(problem: Problem, code: str) -> None:
    """Run the tests on a program; raises what they raise."""
    exec(f"{code}\n{problem.setup}{problem.tests}", {})
