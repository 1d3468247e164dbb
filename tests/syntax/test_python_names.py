import importlib.util
import re
import symtable
from pathlib import Path

import pytest

import coma_cli
from coma_cli.syntax.python_names import (
    missing_attributes,
    standard_library,
    undefined_names,
    with_missing_imports,
)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("print(total)", {"total"}),
        ("def area(r):\n    return pi * r ** 2", {"pi"}),
        ("def f(n):\n    return g(n)\n\ndef g(n):\n    return n", set()),
        ("class A:\n    size = 1\n    def grow(self):\n        return size", {"size"}),  # no scope of a method
        ("total = 0\nfor n in range(3):\n    total += n\nprint([n * k for k in (1, 2)])", set()),
        ("def set_up():\n    global box\n    box = 1\n\ndef use():\n    return box", set()),
        ("try:\n    print(box)\nexcept NameError:\n    print('none')", set()),  # it shows what happens
        ("from math import *\nprint(sqrt(2))", set()),
        ("exec('box = 1')\nprint(box)", set()),
        ("print __name__", set()),  # not Python 3
        ("return box", {"box"}),  # of a function that is not there
        ("if __name__ == '__main__':\n    print(len(__file__))", set()),
        ("match command:\n    case {'go': place}:\n        print(place)", {"command"}),
        ("aiter, anext, EncodingWarning, ExceptionGroup, PythonFinalizationError", set()),  # of later versions
        ("class Stack:\n    def top(self):\n        last = self.items[-1]\n        return last", set()),
        ("def top(n):\n    import math\n    seen = n\n    return math.sqrt(seen) + other", {"other"}),
        ("def top():\n    global box\n    box = 1\n    return box", set()),
        ("class top:\n    size = 1\n    double = 2 * size\n    def area(self):\n        return size", {"size"}),
    ],
)
def test_names_that_nothing_defines(code, names):
    assert undefined_names(code) == names


DYNAMIC = re.compile(r"\b(?:exec|eval|globals|locals|vars|setattr|NameError|UnboundLocalError)\b")


def test_names_are_those_of_all_symbols_of_all_scopes():
    """The same as looking at each symbol, in files without some of their imports."""
    for path in sorted(Path(coma_cli.__file__).parent.glob("syntax/*.py")):
        code = re.sub(r"(?m)^(?:from|import) [^(\n]*$", "", path.read_text(encoding="utf-8"))
        if DYNAMIC.search(code):  # such programs may define names at run time
            continue
        tables = [symtable.symtable(code, "", "exec")]
        for table in tables:
            tables += table.get_children()
        known = {
            s.get_name() for s in tables[0].get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()
        }
        used = {
            s.get_name()
            for table in tables
            for s in table.get_symbols()
            if s.is_referenced() and (s.is_global() or table is tables[0])
        }
        found = undefined_names(code)
        assert found <= used - known
        assert used - known - found <= standard_library()["builtins"] | {"__file__", "__name__", "__package__"}


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import math\nprint(math.cube(3))", ("math.cube",)),
        ("import math as m\nprint(m.sqrt(3), m.cube(3))", ("math.cube",)),
        ("from statistics import uniform", ("statistics.uniform",)),
        ("import os.path\nprint(os.path.joined('a'), os.getcwd())", ("os.path.joined",)),
        ("import asyncio\nasyncio.timeout(1)\nasyncio.coroutine\nimport imp\nimp.reload(math)", ()),  # of some version
        ("import numpy as np\nnp.nothing()", ()),  # not of the standard library
        ("import math\nmath = Box()\nmath.cube(3)", ()),  # another thing by then
        ("import math\nmath.tau2 = 1", ()),
        ("import sys\nif hasattr(sys, 'winver2'):\n    sys.winver2", ()),
        ("import sys\nsys._getframe()\nsys._nothing()", ()),  # private names are not listed
        ("from xml.etree import ElementTree\nElementTree.parse('a')", ()),
    ],
)
def test_names_that_no_version_of_the_standard_library_has(code, missing):
    assert missing_attributes(code) == missing


@pytest.mark.parametrize(
    ("code", "repaired"),
    [
        ("print(math.sqrt(2))", "import math\nprint(math.sqrt(2))"),
        ("print(math.cube(2))", None),  # math has no such function
        ("string.replace('a', 'b')", None),  # a variable's name, not the module
        (
            '"""Shuffles."""\nimport os\nrandom.shuffle([])',
            '"""Shuffles."""\nimport random\nimport os\nrandom.shuffle([])',
        ),
        (
            "from __future__ import division\njson.dumps(1)",
            "from __future__ import division\nimport json\njson.dumps(1)",
        ),
        (
            "@lru_cache\ndef f(x: List[int]):\n    return Box(x)",
            "from typing import List\nfrom functools import lru_cache\n\n"
            "@lru_cache\ndef f(x: List[int]):\n    return Box(x)",
        ),
        ("import math\nprint(math.pi)", None),
    ],
)
def test_certain_imports_are_added(code, repaired):
    assert with_missing_imports(code) == (code if repaired is None else repaired)


def test_the_table_has_names_of_every_version_and_of_classes():
    table = standard_library()
    assert {"coroutine", "TaskGroup", "EventLoop"} <= table["asyncio"]  # until 3.10, from 3.11, from 3.13
    assert {"asynchat", "imp", "tomllib"} <= table.keys()
    assert {"popitem", "assertEqual"} <= table["."] and "sqrt" in table["math"]


@pytest.mark.slow
def test_the_table_can_be_made_again_of_what_this_interpreter_has():
    path = Path(__file__).parents[2] / "docs" / "list_standard_library.py"
    spec = importlib.util.spec_from_file_location("list_standard_library", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stubs = module.modules()
    for name in ("math", "asyncio", "os.path"):
        assert {entry for entry in module.names_in(name, stubs) if not entry.startswith("_")} <= standard_library()[
            name
        ]
