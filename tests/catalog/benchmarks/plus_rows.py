"""A row of HumanEval+, as EvalPlus publishes it."""

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
