"""With a rule of the extraction switched off, the cause of a failure is named after that rule."""

from functools import partial

import pytest

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.program import RULES
from coma_cli.corpus.extraction.protocols import PROTOCOLS, ExtractionProtocol, default
from coma_cli.evaluation.explaining import causes
from coma_cli.evaluation.explaining.causes import EXTRACTION_CAUSES, REMEDIES, cause_of
from coma_cli.records import Problem, Verdict

PROBLEM = Problem(
    task_id="m/1", bench="mbpp", prompt="p", instruction="p", entry_point="f", tests="", reference="", cpu_limit_s=1
)
RIGHT, WRONG = "def f(x):\n    return x\n", "def f(x):\n    return None\n"


def block(code):
    return f"```python\n{code}```\n"


CASES = {
    "thinking": (f"<think>\n{block(WRONG)}Another way:\n</think>\n{block(RIGHT)}", causes.THINKING),
    "end-token": (f"{RIGHT}<|im_end|>\n{WRONG}", causes.GLUED_TOKEN),
    "markers": (f"[BEGIN]\n{RIGHT}[DONE]\n{WRONG}", causes.MARKERS),
    "redefinition": (f"{block(WRONG)}Corrected:\n{block(RIGHT)}", causes.DRAFT),
    "other-blocks": (
        f"{block('def g(x):' + chr(10) + '    return x' + chr(10))}{block(RIGHT.replace('return x', 'return g(x)'))}",
        causes.OTHER_BLOCK,
    ),
    "indentation": ("Do this:\n\n    def f(x):\n        return x\n\nDone.", causes.INDENTATION),
    "fences": (f"{block(RIGHT)}A slower alternative:\n{block(WRONG)}", causes.FENCE_LEFT),
}


def cause(protocol, text, **fields):
    verdict = Verdict(task_id="m/1", temperature=0, index=0, protocol=protocol.name, verdict="fail", **fields)
    return cause_of(PROBLEM, protocol, Candidate("m/1", 0.0, 0, text), verdict)


def test_there_is_a_case_for_every_rule():
    assert CASES.keys() == set(RULES)


@pytest.mark.parametrize("rule", CASES)
def test_the_rule_that_an_older_extraction_lacks_is_the_cause(rule):
    text, expected = CASES[rule]
    older = ExtractionProtocol("older", partial(default, off=frozenset((rule,))), "")
    assert cause(older, text, detail="AssertionError") == expected
    assert expected in EXTRACTION_CAUSES and expected in REMEDIES


@pytest.mark.parametrize("rule", CASES)
def test_as_is_reads_none_of_them(rule):
    assert cause(PROTOCOLS["as-is"], CASES[rule][0], detail="SyntaxError: invalid syntax") in EXTRACTION_CAUSES


def test_what_default_reads_as_well_is_the_programs_own_fault():
    assert cause(PROTOCOLS["default"], WRONG, detail="AssertionError") == causes.WRONG
    assert cause(PROTOCOLS["default"], f"<think>x</think>{WRONG}", detail="AssertionError") == causes.WRONG
    assert cause(PROTOCOLS["as-is"], f"{WRONG}print(1)\n", detail="AssertionError") == causes.WRONG


def test_several_definitions_are_named_before_a_wrong_answer():
    text = f"{block(RIGHT)}\n{block(WRONG)}"
    assert cause(PROTOCOLS["default"], text, detail="AssertionError") == causes.SEVERAL
    assert cause(PROTOCOLS["first-block"], text, detail="AssertionError") == causes.DRAFT


def test_a_thinking_part_without_end_is_named():
    assert cause(PROTOCOLS["default"], f"<think>\n{block(RIGHT)}", detail="") == causes.UNFINISHED


SCRIPT = PROBLEM.model_copy(update={"is_script": True, "entry_point": "_coma_run"})


@pytest.mark.parametrize(
    ("text", "detail", "finish", "expected"),
    [
        ("print(1)", "AssertionError at test line 8", "stop", causes.WRONG),
        ("print(1)", "ValueError: not enough values", "stop", "exception ValueError"),
        ("print(1)\nimport sys\nsys.exit(1)", "exited with SystemExit: 1", "stop", causes.LEFT),
        ("print(1)", "AssertionError at test line 8", "length", causes.TRUNCATED),
        ("print(1", "SyntaxError: '(' was never closed", "stop", causes.SYNTAX),
        ("I do not know.", "SyntaxError: invalid syntax", "stop", causes.NO_CODE),
        ("<think>So", "NameError: name 'So' is not defined", "stop", causes.UNFINISHED),
    ],
)
def test_a_script_has_no_entry_point_that_could_be_missing(text, detail, finish, expected):
    verdict = Verdict(task_id="m/1", temperature=0, index=0, protocol="default", verdict="fail", detail=detail)
    sample = Candidate("m/1", 0.0, 0, text, finish_reason=finish)
    assert cause_of(SCRIPT, PROTOCOLS["default"], sample, verdict) == expected
