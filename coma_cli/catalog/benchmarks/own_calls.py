r"""Test cases that call a method of a class, as LiveCodeBench has them for problems of LeetCode.

A worked example: the case `{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}` of a row whose starter
code is `class Solution:\n    def total(self, numbers: List[int], more: int) -> int:` becomes
`assert _coma_returned(_coma_call([1, 2], 3)) == 6`: arguments are JSON values, one on each line.

A tuple that is returned counts as a list, as in LiveCodeBench's runner (lcb_runner/evaluation/testing_util.py).
"""

import ast
import json
import keyword
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from coma_cli.formats.text import optional_text, unix_lines
from coma_cli.languages import parse_python

FUNCTIONAL = "functional"  # LiveCodeBench's name for such cases
CLASS = "Solution"
CALL = "_coma_call"

SETUP = """def _coma_returned(value):
    return list(value) if type(value) is tuple else value


"""


class MethodCall(NamedTuple):
    """The arguments of a call and the value that it has to return, as Python literals."""

    arguments: str
    returned: str

    @property
    def assertion(self) -> str:
        """The test, in which `CALL` calls the program."""
        return f"assert _coma_returned({CALL}({self.arguments})) == {self.returned}\n"


def call_of(place: str, arguments: str, returned: str) -> MethodCall:
    """A test case in the texts of its `input` and `output`.

    Raises:
        ValueError: one is not JSON; the message names the place.
    """
    lines = [line for line in unix_lines(arguments).split("\n") if line.strip()]
    given = [_literal(f"{place}: line {number} of its input", line) for number, line in enumerate(lines, start=1)]
    return MethodCall(", ".join(given), _literal(f"{place}: its output", returned))


def _literal(what: str, text: str) -> str:
    try:
        return ascii(json.loads(text, parse_constant=_refused))
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not a JSON value") from None


def _refused(name: str) -> NoReturn:
    """NaN and Infinity are not JSON, and no literals of Python either."""
    raise ValueError(name)


def method_of(row: Mapping[str, Any]) -> str:
    """The method that a row's cases call: `func_name` of its metadata, else the first of its starter code.

    Raises:
        ValueError: neither names one, or the starter code has no `class Solution`.
    """
    starter = starter_code(row)
    methods = _methods(starter)
    if starter.strip() and methods is None:
        raise ValueError(f"starter_code has no class {CLASS}, and only methods of one are called")
    named = _metadata(row).get("func_name")
    name = named if named is not None else next(iter(methods or ()), None)
    if name is None:
        raise ValueError("its cases call a function: neither metadata (func_name) nor starter_code says which")
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise ValueError(f"{str(name)[:40]!r} is not the name of a method")
    return name


def starter_code(row: Mapping[str, Any]) -> str:
    """The class that an answer completes; empty where there is none."""
    return unix_lines(optional_text(row.get("starter_code")) or "").rstrip()


def _methods(starter: str) -> list[str] | None:
    """The methods of the starter code's class, which ends after a header; None if it has no such class."""
    tree = parse_python(f"{starter}\n        pass\n") or parse_python(starter)
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == CLASS] if tree else []
    if not found:
        return None
    return [node.name for node in found[-1].body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _metadata(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """LiveCodeBench has an object, or the JSON text of one."""
    value = row.get("metadata")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("metadata is not JSON") from None
    return value if isinstance(value, Mapping) else {}


def instruction_of(prompt: str, starter: str) -> str:
    """What a chat model is asked: the problem, and the code that it is to complete."""
    if not starter.strip():
        return prompt
    return f"{prompt.rstrip()}\n\nComplete this class:\n\n```python\n{starter}\n```\n"
