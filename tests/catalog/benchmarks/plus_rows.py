"""Rows of the plus sets, small and whole, and files of them."""

import gzip
import json

PLUS_ROW = {
    "task_id": "HumanEval/2",
    "prompt": 'def half(x):\r\n    """ Half of x. """\n',
    "entry_point": "half",
    "canonical_solution": "\n    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(4) == 2\n",
    "contract": "",
    "base_input": [[4], [1]],
    "plus_input": [[3.5], [10**30]],
    "atol": 0,
}


def write(path, *rows):
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
