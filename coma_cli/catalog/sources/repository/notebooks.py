"""The code cells of Jupyter notebooks, each as a program of its own.

Source: the notebook format, nbformat 4 (cells at the top) and 3 (cells in worksheets, their code called `input`).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

SUFFIX = ".ipynb"
MAX_NOTEBOOK_BYTES = 20_000_000  # outputs hold images, as text
# Cell magics whose cell is still Python; the others hold another language or the text of a file.
_PYTHON_CELL = re.compile(r"\s*%%(?:time|timeit|capture|prun|memit|python3?|debug)\b.*")
_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?:[%!?].*|(?:[\w, ]+=\s*)[%!].*|.*\w\?{1,2}[ \t]*)$", re.MULTILINE)


class Cell(NamedTuple):
    """A code cell by its number among all cells, from 1."""

    number: int
    code: str


def python_cells(text: str) -> list[Cell] | None:
    """The code cells of a notebook in Python, without IPython's magics; None if the text is not a notebook.

    A line with a magic or shell command becomes `pass`, so that line numbers stay as they are.
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("metadata", {}), dict):
        return None
    if not _is_python(notebook.get("metadata", {})):
        return []
    return [Cell(number, code) for number, cell in enumerate(_cells(notebook), 1) if (code := _code(cell)).strip()]


def _is_python(metadata: dict[str, Any]) -> bool:
    """Whether the kernel runs Python, which it does where nothing else is said."""
    stated = [(metadata.get(part) or {}, key) for part, key in (("kernelspec", "language"), ("language_info", "name"))]
    names = [str(part[key]).lower() for part, key in stated if isinstance(part, dict) and part.get(key)]
    return all(name in ("python", "python3", "ipython") for name in names)


def _cells(notebook: dict[str, Any]) -> Iterator[Any]:
    sheets = notebook.get("worksheets") if isinstance(notebook.get("worksheets"), list) else []
    for part in (notebook, *(sheets or ())):
        cells = part.get("cells") if isinstance(part, dict) else None
        yield from cells if isinstance(cells, list) else ()


def _code(cell: Any) -> str:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return ""
    source = cell.get("source", cell.get("input", ""))
    code = "".join(map(str, source)) if isinstance(source, list) else str(source)
    first, _, rest = code.partition("\n")
    if first.lstrip().startswith("%%"):
        if not _PYTHON_CELL.fullmatch(first):
            return ""
        code = f"\n{rest}"
    return _MAGIC.sub(r"\g<indent>pass", code)
