"""Classes whose method is under test, as LeetCode and LiveCodeBench ask for them: made callable for their tests.

A worked example: `class Solution` with a method `add`, and `assert _coma_call(2, 3) == 5` as its test. The program gets
a function `_coma_call` that makes an instance for each call and calls its method, so that only plain values cross to
the tests.
"""

import re

# LiveCodeBench's runner puts these before every program (lcb_runner/evaluation/testing_util.py): what starter code uses
# without an import, such as List, is among them.
_MODULES = (
    "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics", "itertools",
    "functools", "operator", "io", "sys", "json", "builtins", "typing",
)  # fmt: skip
_IMPORTS = "".join(f"from {module} import *\n" for module in _MODULES) + f"import {', '.join(_MODULES)}\n"
_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[^\n(]*(?:\([^)]*\))?[^\n]*\n?", re.MULTILINE)


def callable_method(source: str, owner: str, method: str, name: str) -> str:
    """A module that defines `name`, a function that gives its arguments to a method of a new instance of `owner`.

    Imports from `__future__` come first, as Python wants them.
    """
    future = "".join(line if line.endswith("\n") else f"{line}\n" for line in _FUTURE.findall(source))
    rest = _FUTURE.sub("", source) if future else source
    call = f"def {name}(*arguments):\n    return {owner}().{method}(*arguments)\n"
    return f"{future}{_IMPORTS}\n{rest}\n\n\n{call}"
