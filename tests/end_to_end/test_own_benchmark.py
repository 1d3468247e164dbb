"""Benchmarks of one's own from a file of rows to verdicts and result, in the real sandbox."""

import pytest

from coma_cli.catalog.benchmarks.own_names import own_name
from coma_cli.evaluation.score import STAGE
from coma_cli.sandbox import probe_isolation
from tests.evaluation.sampled import sample, sample_run
from tests.evaluation.score_command import Coma
from tests.support.files import write_lines

LAST = {"task_id": "text/1", "prompt": "Write last(text).", "tests": "assert last('a b') == 'b'"}
FIRST = {
    "task_id": "text/2", "prompt": "Write first(text).", "tests": ["assert first('a b') == 'a'"],
    "reference": "def first(text):\n    return text.split()[0]\n",
}  # fmt: skip
SUM = {
    "task_id": "sum/1", "prompt": "Print the sum.", "reference": "print(sum(map(int, input().split())))",
    "io": [{"stdin": "2 3\n", "stdout": "5\n"}, {"stdin": "10 -3\n", "stdout": "7\n"}],
}  # fmt: skip
RIGHT_SUM = "import sys\nprint(sum(map(int, sys.stdin.read().split())))"


@pytest.fixture
def coma(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    return Coma(tmp_path, capsys)


@pytest.fixture
def score(coma, tmp_path):
    def run(rows, samples, *options, code=0):
        bench = write_lines(tmp_path / "mine.jsonl", rows)
        given = write_lines(tmp_path / "s.jsonl", [{"task_id": name, "completion": text} for name, text in samples])
        return coma("--bench", bench, "--samples", given, *options, code=code)

    return run


def verdicts(coma):
    return [row["verdict"] for row in sorted(coma.verdicts(), key=lambda row: (row["task_id"], row["index"]))]


def test_tests_are_run_with_and_without_a_reference(coma, score, tmp_path, capsys):
    samples = [
        ("text/1", "```python\ndef last(text):\n    return text.split()[-1]\n```"),
        ("text/1", "def last(text):\n    return text"),
        ("text/2", FIRST["reference"]),
        ("text/2", "def second(text):\n    return text"),
    ]
    summary = score([LAST, FIRST], samples, "--explain")
    assert summary["bench"] == own_name(tmp_path / "mine.jsonl")
    assert summary["pass_at_k"]["1"]["value"] == 0.5 and summary["n_max"] == 2 and not summary["partial"]
    assert summary["references"] == {"checked": 1, "passed": 1, "failed": []} and summary["unverified"] == ["text/1"]
    assert verdicts(coma) == ["pass", "fail", "pass", "fail"]
    assert summary["explanation"]["causes"][0]["causes"] == {"wrong answer": 1, "entry point missing": 1}
    STAGE.show(summary)
    assert "Not verified: 1 problem has no reference" in " ".join(capsys.readouterr().out.split())


def test_a_reference_that_fails_excludes_its_problem(score):
    summary = score(
        [LAST, {**FIRST, "reference": "def first(text): return text"}], [("text/1", "def last(t): return 'b'")]
    )
    assert list(summary["excluded"]) == [] and summary["problems"] == 1 and summary["partial"]
    wrong = {**FIRST, "reference": "def first(text): return text"}
    summary = score([LAST, FIRST | {"task_id": "text/3"}, wrong], [("text/2", "x"), ("text/3", FIRST["reference"])])
    assert list(summary["excluded"]) == ["text/2"]


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_programs_get_inputs_and_their_outputs_are_compared(coma, score, mode):
    samples = [
        ("sum/1", f"Sure:\n```python\n{RIGHT_SUM}\n```\nFor example:\n```\n2 3\n```"),
        ("sum/1", "print(5)"),
        ("sum/1", f"{RIGHT_SUM}\nimport sys\nsys.exit(1)"),
        ("sum/1", "while True: pass"),
        ("sum/1", "x = bytearray(1 << 40)\nprint(x)"),
        ("sum/1", "print(5"),
        ("sum/1", "print(sum(map(int, input().split())), end='  \\n\\n\\n')"),
    ]
    summary = score([{**SUM, "cpu_limit_s": 1}], samples, "--mode", mode, "--explain")
    assert verdicts(coma) == ["pass", "fail", "fail", "timeout", "memory", "error", "pass"]
    causes = summary["explanation"]["causes"][0]["causes"]
    assert causes["wrong answer"] == causes["timeout"] == causes["memory"] == causes["syntax error"] == 1
    failed = next(row for row in coma.verdicts() if row["index"] == 1)["failed_check"]
    if mode == "split":
        assert failed["expected"] == "'7'" and failed["actual"] == "'5\\n'" and "10 -3" in failed["call"]


# Each prints whatever it finds that looks like the expected output, which is a needle with a number.
CHEATS = {
    "exit": "import os\nos._exit(0)",
    "equal to all": "import sys\nclass Any(str):\n    def __eq__(self, other): return True\nsys.stdout = Any()",
    "runner": "import sys\nfor module in list(sys.modules.values()):\n    for name in list(vars(module)):\n"
    "        if 'output' in name or 'content' in name: setattr(module, name, lambda *given: given[-1])",
    "memory": "import gc, re\nfor thing in gc.get_objects():\n"
    "    for found in re.findall(r'needle-[0-9]+', repr(thing)[:99999]): print(found)",
    "frames": "import re, sys\nframe = sys._getframe()\nwhile frame:\n"
    "    for found in re.findall(r'needle-[0-9]+', repr([frame.f_locals, frame.f_globals])): print(found)\n"
    "    frame = frame.f_back",
    "files": "import os, re\nfor folder in ('/proc/self/fd', '/tmp', '.'):\n    try:\n"
    "        for name in os.listdir(folder):\n            text = open(os.path.join(folder, name)).read()\n"
    "            for found in re.findall(r'needle-[0-9]+', text): print(found)\n"
    "    except (OSError, ValueError):\n        pass",
}


def test_expected_outputs_never_reach_the_program(coma, score):
    rows = [{"task_id": "x/1", "prompt": "p", "io": [{"stdin": "1", "stdout": "needle-4711"}]}]
    samples = [("x/1", text) for text in (*CHEATS.values(), "print('needle-4711')")]
    levels = ["landlock"] if probe_isolation("auto").level == "landlock" else ["ns", "landlock"]
    for level in levels:
        score(rows, samples, "--isolation", level, "--workers", 1)
        assert verdicts(coma) == ["fail"] * len(CHEATS) + ["pass"]


def test_a_rows_own_limits_hold_unless_options_say_otherwise(coma, score):
    row = {**SUM, "memory_mb": 64, "cpu_limit_s": 0.5}
    hungry = f"x = bytearray(200 << 20)\n{RIGHT_SUM}"
    score([row], [("sum/1", hungry)])
    assert verdicts(coma) == ["memory"]
    score([row], [("sum/1", hungry)], "--memory", 512)
    assert verdicts(coma) == ["pass"]


def test_references_alone(coma, score, tmp_path):
    bench = write_lines(tmp_path / "mine.jsonl", [LAST, FIRST, SUM])
    assert coma("--bench", bench, "--check-references")["references"]["passed"] == 2
    bench = write_lines(tmp_path / "mine.jsonl", [LAST])
    assert "has a reference to check" in coma("--bench", bench, "--check-references", code=2)


def test_a_metric_is_measured(score):
    row = {"task_id": "m/1", "prompt": "Select.", "reference": "SELECT 1", "metric": "exact-match"}
    summary = score([row], [("m/1", "SELECT 1")])
    assert summary["results"][0]["metrics"][0]["value"] == 1.0
    assert summary["bench"].startswith("mine-")


def test_live_code_bench_rows(coma, score):
    row = {
        "question_id": "1873_A", "question_content": "Sum.", "private_test_cases": "[]",
        "public_test_cases": '[{"input": "1 2\\n", "output": "3\\n", "testtype": "stdin"}]',
    }  # fmt: skip
    score([row], [("1873_A", RIGHT_SUM), ("1873_A", "print(2)")])
    assert verdicts(coma) == ["pass", "fail"]


TOTAL = "class Solution:\n    def total(self, numbers: List[int], more: int) -> int:\n        "
FUNCTIONAL = {
    "question_id": "2779", "question_content": "Add all up.", "starter_code": TOTAL,
    "metadata": '{"func_name": "total"}',
    "public_test_cases": '[{"input": "[1, 2]\\n3", "output": "[6, 2]", "testtype": "functional"}]',
    "private_test_cases": '[{"input": "[]\\n-1", "output": "[-1, 0]", "testtype": "functional"}]',
    "reference": f"{TOTAL}return [sum(numbers) + more, len(numbers)]\n",
}  # fmt: skip
HOSTILE = [
    "class Equal:\n    def __eq__(self, other):\n        return True\nclass Solution:\n    def total(self, *_):\n"
    "        return Equal()\n",
    "class Solution:\n    def total(self, *_):\n        return [1]\n_coma_returned = lambda value: [6, 2]\n"
    "import builtins\nbuiltins._coma_returned = _coma_returned\n",
    "import os\nclass Solution:\n    def total(self, *_):\n        os._exit(0)\n",
    "class Solution:\n    def total(self, numbers, more):\n        import sys\n        frame = sys._getframe()\n"
    "        while frame:\n            if '[6, 2]' in str(frame.f_locals): return [6, 2]\n"
    "            frame = frame.f_back\n",
]


def test_live_code_bench_rows_that_call_a_method(coma, score):
    samples = [
        f"Sure:\n```python\n{TOTAL}return sum(numbers) + more, len(numbers)\n```",
        f"```python\n{TOTAL}return [more, 0]\n```",
        "def total(numbers, more):\n    return [sum(numbers) + more, len(numbers)]",
    ]
    summary = score([FUNCTIONAL], [("2779", text) for text in samples], "--explain")
    assert verdicts(coma) == ["pass", "fail", "fail"]
    assert summary["references"]["passed"] == 1
    assert summary["explanation"]["causes"][0]["causes"] == {"wrong answer": 1, "entry point missing": 1}


@pytest.mark.parametrize("source", HOSTILE)
def test_no_program_forges_what_its_method_returns(coma, score, source):
    score([FUNCTIONAL], [("2779", source)])
    assert verdicts(coma) == ["fail"]


def test_samples_of_an_own_benchmark_are_scored_without_its_file(coma, tmp_path):
    from coma_cli.catalog.benchmarks import SAMPLED

    bench = write_lines(tmp_path / "mine.jsonl", [SUM])
    problems = SAMPLED[own_name(bench)].load(bench).problems
    sample_run(coma.workspace.root, [sample("sum/1", 0, RIGHT_SUM)], problems, model="m", bench=str(bench))
    assert coma()["bench"] == own_name(bench)
    assert coma("--bench", bench)["pass_at_k"]["1"]["value"] == 1.0
