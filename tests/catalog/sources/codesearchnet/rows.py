"""Rows of CodeSearchNet in its own form, and a file of them."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.catalog.sources.forms import put

URL = "https://github.com/o/r/blob/abc/a.py#L{0}-L{1}"
PYTHON = (
    'def fit(self, rows):\n        """Fit the model to some rows.\n\n        :param rows: them\n        """\n'
    "        # Fit the model to some rows.\n        total = self.add(rows, 1)\n        return total"
)
GO = "func Cap(a int) int {\n\t// cap it\n\treturn a\n}"


def row(
    code: str = PYTHON,
    docstring: str | None = "Fit the model to some rows.\n\n        :param rows: them",
    lines: tuple[int, int] = (3, 9),
    **changes: Any,
) -> dict[str, Any]:
    """A row with all columns."""
    whole = {
        "repo": "o/r",
        "path": "a.py",
        "func_name": "Model.fit",
        "original_string": code,
        "language": "python",
        "code": code,
        "code_tokens": code.split() if code else None,
        "docstring": docstring,
        "docstring_tokens": ["Fit", "the", "model", "to", "some", "rows", "."],
        "sha": "abc",
        "url": URL.format(*lines),
        "partition": "train",
    }
    return {**whole, **changes}


ROWS = [
    row(),
    row(GO, "// Cap limits what is\n// given. See http://x.y", (10, 13), language="go", func_name="Cap"),
    row(lines=(3, 9)),
    row("def f(x):\n    print x", "Print it to the screen.", (20, 21)),
    row(docstring="", lines=(30, 31)),
    row(docstring="Fit it.", lines=(32, 33)),
    row(docstring="Обучает модель на строках", lines=(34, 35)),
    row(docstring=None, lines=(36, 37)),
    row("def g(x):\n    y = 'fit the model to some rows'\n    return y", lines=(38, 39)),
    row(language="cobol", lines=(40, 41)),
]


def put_raw(folder: Path, rows: Sequence[Mapping[str, Any]] = ROWS, split: str = "train") -> Path:
    """The rows where upstream's archives have them."""
    content = "".join(json.dumps(entry) + "\n" for entry in rows).encode()
    return put(folder / "python" / "final" / "jsonl" / split / f"python_{split}_0.jsonl.gz", gzip.compress(content))
