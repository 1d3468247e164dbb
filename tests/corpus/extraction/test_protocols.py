import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.formats.text import unify
from tests.corpus.extraction.problems import BY_ID, HUMANEVAL, MBPP, body, passes
from tests.corpus.extraction.texts import HOSTILE, TEXTS
from tests.requirements import shared_data

default = PROTOCOLS["default"].extract
as_is = PROTOCOLS["as-is"].extract
entry_point = PROTOCOLS["entry-point"].extract

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")


def again(problem):
    return f"\n\ndef {problem.entry_point}(*arguments):\n    return 'another try'\n"


FORMS = {
    "continuation": body,
    "whole function": lambda p: p.reference,
    "fenced": lambda p: f"Sure, here it is:\n\n```python\n{p.reference}\n```\n\nIt isn't (very) fast.",
    "fenced without language": lambda p: f"```\n{p.reference}\n```",
    "fence never closed": lambda p: f"```python\n{p.reference}",
    "body alone in a fence": lambda p: f"```python\n{body(p)}\n```",
    "fence closed only": lambda p: f"{body(p)}\n```\nThat's all.",
    "example block before the answer": lambda p: f"As in\n```\nprint(1)\n```\nso\n```python\n{p.reference}\n```",
    "prose around": lambda p: f"Here's the code (it's easy):\n\n{p.reference}\n\nThis isn't hard, is it?",
    "broken tail": lambda p: f"{body(p)}\n\nprint({p.entry_point}((1,",
    "second try behind": lambda p: body(p) + again(p),
    "calls behind": lambda p: f"{p.reference}\n\nn = int(input())\nprint(1 / 0)\nassert False\nraise SystemExit\n",
    "main behind": lambda p: f"{p.reference}\n\nif __name__ == '__main__':\n    import sys\n    sys.exit(input())\n",
    "first line stripped": lambda p: body(p).lstrip(),
    "windows lines": lambda p: p.reference.replace("\n", "\r\n"),
    "byte order mark": lambda p: f"\ufeff{p.reference}",
    "thoughts": lambda p: (
        f"<think>\n```python\ndef {p.entry_point}(): pass\n```\n</think>\n```python\n{p.reference}\n```"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_reference_of_humaneval_survives_in_every_form(form):
    lost = [p.task_id for p in HUMANEVAL if not passes(p, default(p, FORMS[form](p), False))]
    assert lost == []


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"second try behind"}))
def test_every_reference_of_mbpp_survives_in_every_form(form):
    problems = BENCHMARKS["mbpp"].load(shared_data() / "mbpp" / "mbpp.jsonl").problems
    slow = "MBPP/123"
    lost = [p.task_id for p in problems if p.task_id != slow and not passes(p, default(p, FORMS[form](p), False))]
    assert lost == []


@pytest.mark.parametrize("form", ["continuation", "whole function", "fenced", "calls behind"])
def test_the_smallest_part_is_enough_for_every_reference(form):
    lost = [p.task_id for p in HUMANEVAL if not passes(p, entry_point(p, FORMS[form](p), False))]
    assert lost == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_empty_completions_never_pass(name):
    for text in ("", "\n", "    pass\n", "```python\n```", "I can't do that."):
        assert [p.task_id for p in HUMANEVAL if passes(p, PROTOCOLS[name].extract(p, text, False))] == []
        assert not passes(MBPP, PROTOCOLS[name].extract(MBPP, text, False))


@pytest.mark.parametrize("name", PROTOCOLS)
@given(text=TEXTS, number=st.integers(0, 163), whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_program(name, text, number, whole):
    program = PROTOCOLS[name].extract(HUMANEVAL[number], text, whole)
    assert isinstance(program, str)
    assert program == PROTOCOLS[name].extract(HUMANEVAL[number], text, whole)
    assert isinstance(PROTOCOLS[name].extract(MBPP, text, whole), str)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_give_a_program_in_little_time(name, hostile):
    assert isinstance(PROTOCOLS[name].extract(HUMANEVAL[0], HOSTILE[hostile], False), str)


@given(text=TEXTS)
@settings(deadline=None)
def test_what_default_finds_is_python_that_defines_the_function(text):
    program = default(MBPP, text, False)
    if program not in (text, unify(text)):
        tree = ast.parse(program)
        names = {s.name for s in tree.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
        assert "double" in names or "double" in program


def test_default_changes_nothing_about_a_plain_answer():
    helper = "def helper(x):\n    return math.floor(x)\n"
    text = f"import math\n\nLIMIT = 3\n\n{helper}\n\ndef double(x):\n    return helper(2 * x)\n"
    assert default(MBPP, text, False) == text


def test_default_keeps_helpers_imports_and_used_variables_behind_the_function():
    text = (
        "def double(x):\n    return helper(x) * FACTOR\n\n"
        "from math import floor\ndef helper(x):\n    return floor(x)\nFACTOR = 2\nn = 5\nprint(double(n))\n"
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"
    )
    program = default(MBPP, text, False)
    assert passes(MBPP, program)
    assert "print" not in program and "n = 5" not in program and "import numpy" in program


def test_default_keeps_calls_before_the_function():
    text = "import sys\nsys.setrecursionlimit(5000)\ndef double(x):\n    return 2 * x\n"
    assert "setrecursionlimit" in default(MBPP, text, False)


def test_a_future_import_stays_first():
    problem = BY_ID["HumanEval/0"]
    text = "from __future__ import annotations\n" + problem.reference
    program = default(problem, text, False)
    assert program.startswith("from __future__ import annotations\n")
    assert passes(problem, program)


def test_helpers_of_the_prompt_are_at_hand_for_an_answer_without_them():
    problem = BY_ID["HumanEval/38"]  # decode_cyclic; the prompt defines encode_cyclic
    text = "```python\ndef decode_cyclic(s: str):\n    return encode_cyclic(encode_cyclic(s))\n```"
    program = default(problem, text, False)
    assert "def encode_cyclic" in program
    assert passes(problem, program)


def test_a_function_broken_off_after_its_return_still_counts():
    text = "def double(x):\n    if x:\n        return 2 * x\n    return 0\n    # and then\n    y = ("
    assert passes(MBPP, default(MBPP, text, False))


def test_the_first_block_that_defines_the_function_is_taken():
    text = "```python\ndef double(x):\n    return 2 * x\n```\nor worse:\n```python\ndef double(x):\n    return x\n```"
    assert passes(MBPP, default(MBPP, text, False))


@pytest.mark.parametrize("example", ["```python\n>>> double(1)\n```", "```\ndouble(1)\n```", "~~~\n```\n~~~\n```"])
@pytest.mark.parametrize("margin", ["", "    "])
@pytest.mark.parametrize("mark", ["```", "````", "~~~"])
def test_a_fence_in_a_docstring_does_not_end_the_block(mark, margin, example):
    doc = textwrap.indent(f"Twice x.\n\n{example}\n", margin)
    code = f'def double(x):\n    """{doc}    """\n    return 2 * x\n'
    for tag in ("python", ""):
        assert passes(MBPP, default(MBPP, f"So:\n{mark}{tag}\n{code}{mark}\nThat's it.\n", False))
    assert passes(MBPP, default(MBPP, code, False))


def test_a_fence_glued_to_the_last_line_is_no_code():
    assert passes(MBPP, default(MBPP, "```python\ndef double(x):\n    return 2 * x```", False))


def test_entry_point_leaves_out_what_is_not_needed():
    text = (
        "import math\nA = 1\nB = 2\ndef unused():\n    return B\ndef helper(B=None):\n    return A\n"
        "def double(x):\n    return 2 * x * helper()\nprint(double(1))\n"
    )
    program = entry_point(MBPP, text, False)
    assert passes(MBPP, program)
    assert "import math" in program and "A = 1" in program
    assert "unused" not in program and "B = 2" not in program and "print" not in program


def test_as_is_is_the_prompt_and_the_completion_byte_for_byte():
    problem = BY_ID["HumanEval/0"]
    text = "\r\n  return 1 ```"
    assert as_is(problem, text, False) == problem.prompt_code + text
    assert as_is(problem, text, True) == text
