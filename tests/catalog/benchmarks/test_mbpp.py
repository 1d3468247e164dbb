import json
import os
import subprocess
import sys

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, mbpp
from coma_cli.errors import MissingInputError
from tests.catalog.benchmarks.trusted import run
from tests.hub_server import HubRepository, data_server
from tests.requirements import package, shared_data
from tests.support.files import write_lines

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


def test_an_id_that_belongs_to_two_different_problems_is_refused(tmp_path):
    path = write_lines(tmp_path / "mbpp.jsonl", [MBPP_ROW, MBPP_ROW])
    assert len(BENCHMARKS["mbpp"].load(path).problems) == 1
    write_lines(path, [MBPP_ROW, {**MBPP_ROW, "text": "Write a function to triple a number."}])
    with pytest.raises(MissingInputError, match="two different problems with the id 'MBPP/11'"):
        BENCHMARKS["mbpp"].load(path)


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
        ("[1, 2]", "row 1: a JSON int, not an object"),
        ("[{", "not a whole JSON array"),
        ("PAR1 and nothing more", "a broken Parquet file"),
    ],
)
def test_bad_data_is_named(tmp_path, content, message):
    path = tmp_path / "mbpp.jsonl"
    path.write_text(content)
    with pytest.raises(MissingInputError, match=message) as caught:
        BENCHMARKS["mbpp"].load(path)
    assert caught.value.exit_code == 3 and caught.value.hint


def test_the_content_hash_follows_the_problems_alone(tmp_path):
    one = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "a.jsonl", [MBPP_ROW]))
    unix = {**MBPP_ROW, "code": MBPP_ROW["code"].replace("\r\n", "\n")}
    same = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "b.jsonl", [unix]))
    other = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "c.jsonl", [{**MBPP_ROW, "text": "Double it."}]))
    assert one.content_sha256 == same.content_sha256 != other.content_sha256


@pytest.fixture
def hub(tmp_path):
    """A hub on this machine that has the test split of MBPP, with one row of it."""
    package("pyarrow")
    import pyarrow
    import pyarrow.parquet

    file = tmp_path / "test.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([MBPP_ROW, {**MBPP_ROW, "task_id": 510}]), file)
    files = {"full/test-00000-of-00001.parquet": file.read_bytes()}
    with data_server(hub={mbpp.REPOSITORY: HubRepository(files, mbpp.REVISION)}) as server:
        yield server.address


LOAD_MBPP = """
from coma_cli.catalog.benchmarks import BENCHMARKS, mbpp
from coma_cli.errors import CliError
try:
    loaded = BENCHMARKS["mbpp"].load()
    print([p.task_id for p in loaded.problems], loaded.source)
except CliError as error:
    print(error.exit_code, error.message, "|", error.hint)
"""


def load_mbpp_elsewhere(tmp_path, **environment):
    """In a process of its own: the hub's client reads its environment once."""
    own = {"HF_HOME": str(tmp_path / "hf"), "COMA_CACHE": str(tmp_path / "coma"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_MBPP],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **own, **environment},
    )
    return done.stdout


@pytest.mark.slow
def test_mbpp_comes_from_the_hub_and_then_from_its_cache(tmp_path, hub):
    package("huggingface_hub")
    place = f"{mbpp.REPOSITORY} at {mbpp.REVISION} on the Hugging Face Hub"
    expected = f"['MBPP/11', 'MBPP/510'] full of {place}\n"
    assert load_mbpp_elsewhere(tmp_path, HF_ENDPOINT=hub) == expected
    assert load_mbpp_elsewhere(tmp_path, HF_HUB_OFFLINE="1") == expected


def test_mbpp_without_hub_and_without_file_says_what_to_give(tmp_path):
    package("huggingface_hub")
    said = load_mbpp_elsewhere(tmp_path, HF_HUB_OFFLINE="1")
    assert said.startswith("3 google-research-datasets/mbpp can't be fetched from the Hugging Face Hub: offline mode")
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


def test_the_mode_of_a_problem_is_listed_or_in_its_row(tmp_path):
    rows = [{**MBPP_ROW, "task_id": 367}, {**MBPP_ROW, "task_id": 12, "mode": "inproc"}, {**MBPP_ROW, "task_id": 13}]
    listed, own, plain = BENCHMARKS["mbpp"].load(write_lines(tmp_path / "mbpp.jsonl", rows)).problems
    assert (listed.mode, listed.mode_reason) == ("inproc", BENCHMARKS["mbpp"].inproc["MBPP/367"])
    assert (own.mode, own.mode_reason) == ("inproc", "its row says so")
    assert (plain.mode, plain.mode_reason) == ("split", "")
    data = write_lines(tmp_path / "mbpp.jsonl", [{**rows[0], "mode": "split"}, {**MBPP_ROW, "mode": "elsewhere"}])
    with pytest.raises(MissingInputError, match="mode must be split or inproc"):
        BENCHMARKS["mbpp"].load(data)
    (insists,) = BENCHMARKS["mbpp"].load(write_lines(data, [{**rows[0], "mode": "split"}])).problems
    assert insists.mode == "split"
