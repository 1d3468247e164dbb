"""Rows for the tests of this folder."""

from coma_cli.records import Example, Origin

# What a row is decontaminated against.
SOLUTION = """def prefix(words):
    first, last = min(words), max(words)
    for n, sign in enumerate(first):
        if sign != last[n]:
            return first[:n]
    return first"""


def example(number: int = 0, **changes: object) -> Example:
    """A good row of code generation, different for each number."""
    values = {
        "id": f"row-{number}",
        "task": "code-generation",
        "source": "test",
        "language": "python",
        "instruction": f"Write a function for case {number} that doubles its argument.",
        "input": "",
        "output": f"def case_{number}(x):\n    return 2 * x",
        "licence": "MIT",
        "origin": Origin(path="rows.json", row=str(number)),
    }
    return Example.model_validate({**values, **changes})
