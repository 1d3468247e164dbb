"""Which tests may share the checker: those without visible side effects."""

import pytest

from coma_cli.sandbox.inside.zygotes.side_effects import runs_tidily


@pytest.mark.parametrize(
    "text",
    [
        "assert f(1) == 2",
        "import math\nfrom typing import List\n\ndef check(candidate):\n    assert math.isclose(candidate(1), 2)",
        "import random\nfor _ in range(9):\n    n = random.randint(1, 9)\n    assert f(n) == n",
        "METADATA = {'author': 'x'}\n",
    ],
)
def test_ordinary_tests_have_no_side_effects(text: str) -> None:
    assert runs_tidily(text)


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "import sys\nsys.setrecursionlimit(5)",
        "from os import path",
        "import math\nmath.pi = 3",
        "import math\ndel math.pi",
        "setattr(f, 'x', 1)",
        "exec('import os')",
        "__import__('os').environ",
        "import decimal\ndecimal.getcontext().prec = 2",
        "import collections.abc\nx = (1).__class__.__dict__",
        "import numpy as np\nnp.random.seed(1)",
        "this is no Python",
        "x = '\0'",
    ],
)
def test_tests_with_possible_side_effects_get_their_own_process(text: str) -> None:
    assert not runs_tidily(text)
    assert not runs_tidily("x = 1", text)
