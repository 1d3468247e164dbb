"""Rows that CodeCapybara generated."""

from typing import Any


def made(number: int | None, **changes: Any) -> dict[str, Any]:
    """A row of generated_data.jsonl, which was never published: this follows its code; `...` drops a column."""
    row = {
        "id": number,
        "code": "def add(a, b):\n    return a + b",
        "language": "python",
        "instruction": "Write a Python function that adds. ",
        "pass_1st": True,
        "pass_1st_reason": "",
        "gen_code": "def add(a, b):\n    return a + b\n",
        "pass_2nd": True,
        "pass_2nd_reason": "",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}
