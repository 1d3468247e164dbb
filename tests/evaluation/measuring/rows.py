"""Held-out rows of each task, small enough to measure by hand."""

import json
from pathlib import Path
from typing import Any

CLONES = "Function:\nint a(){}\n\nCandidate 1:\nint b(){}\n\nCandidate 2:\nint c(){}"
SEARCHED = ["a + b", "a - b", "a * b"]


def row(number: int, task: str, output: str, given: str = "", **fields: Any) -> dict[str, Any]:
    """A row as build-data writes it."""
    values = {"language": "python", "text_language": "en", "instruction": f"Do task {number}.", **fields}
    return {"id": f"row-{number}", "task": task, "input": given, "output": output, **values}


ROWS = [
    row(1, "clone-detection", "yes", "Function 1:\nint a(){}\n\nFunction 2:\nint b(){}", language="java"),
    row(2, "clone-detection", "int c(){}", CLONES),
    row(3, "code-search", SEARCHED[0], json.dumps(SEARCHED)),
    row(4, "line-completion", "return b", "def f(a):\n    b = a"),
    row(5, "code-repair", "def f(a):\n    b = a + 1\n    return b", "def f(a):\n    b = a - 1\n    return b"),
    row(
        6,
        "code-translation",
        "int F(int a) { int x = a; return x; }",
        "int f(int a) { int x = a; return x; }",
        language="java",
        instruction="Port this Java function to C#.",
    ),
    row(7, "code-summarization", "Returns its argument.", "def f(a): return a"),
    row(8, "code-summarization", "返回参数本身。", "def f(a): return a", text_language="cn", language="go"),
    row(9, "code-generation", "def add(a, b):\n    return a + b", "assert add(1, 2) == 3\nassert add(2, 2) == 4"),
    row(10, "code-generation", "def sub(a, b):\n    return a - b", "def sub(a, b):"),
    row(11, "defect-detection", "no", "def f(): pass"),
    row(12, "defect-detection", "an off-by-one error", "def f(): pass"),
    row(13, "cloze-test", "max", "def f(): <mask>"),
    row(14, "competition", "print(input())", "Print the line."),
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in rows), encoding="utf-8")
    return path
