import ast
import gzip
import json
from typing import Any

import pytest

from coma_cli.catalog.benchmarks.evalplus_inputs import mbpp_arguments
from tests.requirements import shared_data


@pytest.mark.parametrize(
    ("task", "given", "arguments"),
    [
        (3, [[1, 2]], [[1, 2]]),
        (116, [[1, 2]], [(1, 2)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[1, 2]], 3], [[(1, 2)], 3]),
        (106, [[1], [2]], [[1], (2,)]),
        (115, [[[1, 1], [], 2]], [[{1}, {}, {}]]),
        (124, ["1", "2j"], [1.0, 2j]),
        (250, [[1], 2], [(1,), 2]),
        (307, [[1], 2, 3], [(1,), 2, 3]),
        (259, [[[1]], [[2]]], [((1,),), ((2,),)]),
        (278, [[1, [2]]], [(1, (2,))]),
        (722, [{"a": [1, 2]}, 3, 4], [{"a": (1, 2)}, 3, 4]),
        (252, ["1+2j"], [1 + 2j]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
    ],
)
def test_types_lost_in_json_are_restored(task, given, arguments):
    assert mbpp_arguments(task, given) == arguments


def types_of(value: Any) -> Any:
    if isinstance(value, (list, tuple, set)):
        return type(value).__name__, [types_of(part) for part in value]
    return "dict" if isinstance(value, dict) else "scalar"


def test_the_published_assertions_call_with_the_same_types():
    """MBPP+'s assertions are Python and kept their types: where inputs are converted they must come back as these."""
    lines = gzip.decompress((shared_data() / "evalplus" / "MbppPlus.jsonl.gz").read_bytes()).splitlines()
    seen: set[int] = set()
    different: set[int] = set()
    for row in map(json.loads, lines):
        number = int(row["task_id"].removeprefix("Mbpp/"))
        changed = [mbpp_arguments(number, given_in_json) for given_in_json in row["base_input"]]
        if changed == row["base_input"]:
            continue
        calls = [
            node
            for node in ast.walk(ast.parse(row["assertion"]))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == row["entry_point"]
        ]
        calls.sort(key=lambda node: (node.lineno, node.col_offset))
        for call, arguments in zip(calls, changed, strict=True):
            asserted = [eval(ast.unparse(argument)) for argument in call.args]
            seen.add(number)
            if types_of(arguments) != types_of(asserted):
                different.add(number)
    # evalplus itself converts this one in its outer layer only.
    assert different == {596} and len(seen) > 25
