import ast

import pytest

from coma_cli.corpus.extraction.programs import program_of
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.corpus.extraction.scripts import callable_script, find_script
from coma_cli.records import Problem

SCRIPT = "n = int(input())\nprint(n + 1)\n"
PROBLEM = Problem(
    task_id="s/1", bench="mine-00000000", prompt="p", instruction="p", entry_point="_coma_run", tests="", reference="",
    cpu_limit_s=1, is_script=True,
)  # fmt: skip


def block(code):
    return f"```python\n{code}```\n"


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        f"Here it is:\n\n{block(SCRIPT)}",
        f"{block(SCRIPT)}Example input:\n```\n3\n```\nOutput:\n```\n4\n```\n",
        f"<think>\n{block('print(1)' + chr(10))}</think>\n{block(SCRIPT)}",
        f"A draft:\n{block('print(0)' + chr(10))}Corrected:\n{block(SCRIPT)}",
        f"{block(SCRIPT)}Run it:\n```bash\npython3 a.py < input.txt\n```\n",
        f"{SCRIPT}\nThis reads a number and writes the next one.\n",
    ],
)
def test_the_script_in_a_completion(text):
    assert find_script(text).strip() == SCRIPT.strip()


def test_calls_at_top_level_stay():
    script = "import sys\n\ndef main():\n    sys.stdout.write('x')\n\nmain()\n"
    assert PROTOCOLS["default"].extract(PROBLEM, block(script), False) == script
    assert PROTOCOLS["entry-point"].extract(PROBLEM, block(script), False) == script


def test_first_block_takes_the_first():
    text = f"{block('print(0)' + chr(10))}Or:\n{block(SCRIPT)}"
    assert PROTOCOLS["first-block"].extract(PROBLEM, text, False) == "print(0)\n"


@pytest.mark.parametrize("text", ["", "I can't.", "```\n3\n```", "print(", "\0", "```python\n" * 50, "(" * 5000])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_text_without_a_script_gives_a_text(protocol, text):
    assert isinstance(PROTOCOLS[protocol].extract(PROBLEM, text, False), str)


def test_a_script_becomes_a_module_with_one_function():
    source = callable_script("import numpy as np, os.path\nfrom scipy import stats\nprint('\\ud800 \xfc')", "run")
    ast.parse(source)
    for module in ("numpy", "os", "scipy"):
        assert f"\n    import {module}\n" in source
    assert program_of(PROBLEM, SCRIPT, "k").source == callable_script(SCRIPT, "_coma_run")


def test_what_is_not_python_stays_so():
    assert callable_script("print(", "run") == "print("


def test_programs_of_other_problems_stay_as_they_are():
    assert program_of(PROBLEM.model_copy(update={"is_script": False}), SCRIPT, "k").source == SCRIPT
