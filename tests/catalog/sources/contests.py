"""Rows of CodeContests."""

from collections.abc import Sequence
from typing import Any

TESTS = {"input": ["1 2\n"], "output": ["3\n"]}


def problem(name: str, pairs: Sequence[tuple[int, str]], **changes: Any) -> dict[str, Any]:
    """A row of the hub's form, its solutions as (code of the language, text).

    No native rows are available: this follows the documented columns, all of them.
    """
    return {
        "name": name,
        "description": f"Add two numbers.\r\nThis is {name}.\n",
        "public_tests": TESTS,
        "private_tests": TESTS,
        "generated_tests": {"input": [], "output": []},
        "source": 2,
        "difficulty": 7,
        "solutions": {"language": [code for code, _ in pairs], "solution": [text for _, text in pairs]},
        "incorrect_solutions": {"language": [3], "solution": ["print(0)"]},
        "cf_contest_id": 1,
        "cf_index": "A",
        "cf_points": 0.0,
        "cf_rating": 800,
        "cf_tags": ["math"],
        "is_description_translated": False,
        "untranslated_description": "",
        "time_limit": {"seconds": 1, "nanos": 0},
        "memory_limit_bytes": 256_000_000,
        "input_file": "",
        "output_file": "",
        **changes,
    }
