import json

import pytest

from coma_cli.catalog.material import Function
from coma_cli.catalog.sources.repository.code_files import code_files
from coma_cli.catalog.sources.repository.notebooks import Cell, python_cells
from coma_cli.catalog.sources.repository.repository import find, read
from coma_cli.formats.rejected import Rejected

DOCUMENTED = 'def total(prices):\n    """Return the sum of all prices."""\n    return sum(prices)\n'


def notebook(*sources, **metadata):
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    prose = {"cell_type": "markdown", "source": ["# A title\n"], "metadata": {}}
    return json.dumps({"cells": [prose, *cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (["x = 1\n", "y = 2"], "x = 1\ny = 2"),
        ("x = 1", "x = 1"),
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if x:\n    !pip install y\nz = 1", "if x:\n    pass\nz = 1"),
        ("files = !ls\nx = 1", "pass\nx = 1"),
        ("total?\nx = 1", "pass\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("x = a % b\ny = a != b", "x = a % b\ny = a != b"),
    ],
)
def test_a_cell_is_its_code_without_magics(source, code):
    assert python_cells(notebook(source)) == [Cell(2, code)]


def test_other_cells_and_other_kernels_hold_no_python():
    assert python_cells(notebook("%%bash\nls", "", "%%writefile a.txt\nx")) == []
    assert python_cells(notebook("x <- 1", kernelspec={"language": "R"})) == []
    assert python_cells(notebook("x = 1", language_info={"name": "python"})) == [Cell(2, "x = 1")]
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}], "metadata": {}, "nbformat": 3}
    assert python_cells(json.dumps(old)) == [Cell(1, "x = 1")]


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, '{"metadata": 1}'])
def test_what_is_not_a_notebook_gives_none(text):
    assert python_cells(text) is None


@pytest.mark.parametrize("text", ["{}", '{"cells": 1}', '{"cells": [1, null]}', '{"worksheets": [1]}'])
def test_odd_notebooks_have_no_cells(text):
    assert python_cells(text) == []


def test_functions_of_a_notebook_are_found_in_each_cell_that_parses(tmp_path):
    (tmp_path / "a.ipynb").write_text(
        notebook("%%time\n" + DOCUMENTED, "def broken(:", DOCUMENTED.replace("total", "all_of"))
    )
    (tmp_path / "b.ipynb").write_text("{")
    assert code_files(tmp_path) == ["a.ipynb", "b.ipynb"]
    first, second = find(tmp_path)
    found = list(read(first, mutated=False))
    functions = [entry for entry in found if isinstance(entry, Function)]
    assert [(f.name, f.language, f.origin.row, f.origin.lines) for f in functions] == [
        ("total", "python", "cell 2: total", (2, 4)),
        ("all_of", "python", "cell 4: all_of", (1, 3)),
    ]
    assert [(e.reason, e.detail) for e in found if isinstance(e, Rejected)] == [("does-not-parse", "cell 3")]
    assert [e.reason for e in read(second) if isinstance(e, Rejected)] == ["undecodable-file"]
