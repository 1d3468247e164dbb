"""Published cuts do what was published, letter by letter, and what that costs is known."""

import pytest

from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.corpus.extraction.published_cuts import prompt_cut_by_length
from tests.corpus.extraction.problems import BY_ID, HUMANEVAL, MBPP, body, passes

capybara = PROTOCOLS["capybara-cut"].extract
coma = PROTOCOLS["coma-stop"].extract
codex = PROTOCOLS["codex-stop"].extract

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")
STOPS = ["\nclass A: pass", "\ndef g(): pass", "\n# next", "\nif x: pass", "\nprint(1)"]


def test_capybara_cut_is_what_codecapybara_published():
    problem = BY_ID["HumanEval/0"]
    text = "    x = 1\n    y = 2\n\n    return x"
    assert capybara(problem, text, False) == problem.prompt_code + "    x = 1\n    y = 2"
    assert capybara(problem, problem.prompt_code + text, False) == problem.prompt_code + "    x = 1\n    y = 2"
    assert capybara(problem, "    def g(): pass\n    return 1", False) == problem.prompt_code + "    "
    answer = "  import re\ndef a(): pass\ndef b(): pass\nassert a()\n### Instruction"
    assert capybara(MBPP, answer, False) == "import re\ndef a(): pass"
    assert capybara(MBPP, "def a(): pass\nif __name__ == '__main__': a()", False) == "def a(): pass"


@pytest.mark.parametrize("stop", STOPS)
def test_codex_stop_ends_at_each_stop_sequence(stop):
    problem = BY_ID["HumanEval/0"]
    assert codex(problem, f"    return 1{stop}", False) == f"{problem.prompt_code}    return 1"
    assert codex(MBPP, f"def double(x):\n    return 2 * x{stop}", False) == "def double(x):\n    return 2 * x"
    assert codex(problem, "    if x:\n        return 1", False).endswith("    if x:\n        return 1")


@pytest.mark.parametrize("stop", STOPS)
def test_coma_stop_ends_at_each_stop_word(stop):
    problem = BY_ID["HumanEval/0"]
    assert coma(problem, f"    return 1{stop}", False) == f"{problem.prompt_code}    return 1"
    assert coma(MBPP, f"def double(x):\n    return 2 * x{stop}", False) == "def double(x):\n    return 2 * x"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("def f(x):\n    return 1\n", "def f(x):\n    return 1\n"),
        ("Sure:\n\ndef f(x):\n    return 1\n", "Sure:\n"),
        ("\tx = default\n\treturn x\n", "    x = default\n    return x\n"),
        ("\treturn 1\n#\nclass A:", "    return 1"),
    ],
)
def test_coma_stop_cuts_at_stops_and_spells_tabs_out_and_nothing_else(text, rest):
    problem = BY_ID["HumanEval/0"]
    assert coma(problem, text, False) == problem.prompt_code + rest
    assert coma(problem, problem.prompt_code + text, False) == problem.prompt_code + rest


def test_coma_stop_keeps_every_reference_of_humaneval():
    assert [p.task_id for p in HUMANEVAL if not passes(p, coma(p, body(p), False))] == []


def test_a_prompt_that_is_repeated_in_another_form_goes_by_its_length():
    problem = BY_ID["HumanEval/0"]
    squeezed = problem.prompt_code.replace("    ", " ")
    text = squeezed + "    return 1\n\nprint(2)"
    assert prompt_cut_by_length(problem, text)
    assert capybara(problem, text, False) == problem.prompt_code + text[len(problem.prompt_code) :].split("\n\n")[0]
    for other in (problem.prompt_code + "    return 1", "    return 1", ""):
        assert not prompt_cut_by_length(problem, other)
    assert not prompt_cut_by_length(MBPP, "def double(x): pass")
