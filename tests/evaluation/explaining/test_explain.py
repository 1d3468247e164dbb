"""`coma score --explain` on real programs: each failure has its cause, and other protocols are really judged."""

from typing import Any

import pytest

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.protocols import PROTOCOLS
from coma_cli.evaluation.explaining import causes
from coma_cli.evaluation.explaining.causes import cause_of
from coma_cli.evaluation.explaining.explanation import REMEDIES, advice, show
from coma_cli.jsonl import read_rows
from coma_cli.records import Problem, Verdict
from tests.evaluation.sampled import HUMANEVAL, right
from tests.support.files import write_lines

PROBLEM = HUMANEVAL[0]  # has_close_elements
SIGNATURE = "def has_close_elements(numbers, threshold):\n"
MBPP_LIKE = Problem(
    task_id="m/1", bench="mbpp", prompt="p", instruction="p", entry_point="f", tests="", reference="", cpu_limit_s=1
)
WHOLE = f"from typing import List\n{SIGNATURE}    return False\n"


# completion, finish reason, cause under `default`, cause under `as-is` ("" where it is the same)
CASES: list[tuple[str, str, str, str]] = [
    ("", "stop", causes.NO_CODE, ""),
    ("I am sorry, but I can't help with that.", "stop", causes.NO_CODE, ""),
    ("    return None\n", "stop", causes.WRONG, ""),
    ("    return [][0]\n", "stop", "exception IndexError", ""),
    ("    return math.inf\n", "stop", causes.NO_IMPORT, ""),
    ("    import nothing_of_that_name\n    return True\n", "stop", causes.NO_IMPORT, ""),
    ("    return undefined_thing\n", "stop", "exception NameError", ""),
    ("    while True:\n        pass\n", "stop", causes.TIMEOUT, ""),
    ("    return bytearray(1 << 40)\n", "stop", causes.MEMORY, ""),
    ("    return (\n", "stop", causes.SYNTAX, ""),
    ("    return lambda: numbers\n", "stop", causes.NO_VALUE, ""),
    ("    import os\n    os._exit(0)\n", "stop", causes.LEFT, ""),
    ("def another(x):\n    return x\n", "stop", causes.NO_ENTRY, ""),
    ("    pass\n", "stop", causes.STUB, ""),
    (f"```python\n{SIGNATURE}    raise NotImplementedError('later')\n```", "stop", causes.STUB, ""),
    ("    for a in numbers:\n        if a in", "length", causes.TRUNCATED, ""),
    ("    for a in numbers:\n        if a < threshold:\n", "length", causes.TRUNCATED, ""),
    ("    return None\n\nprint(1)\nprint(", "length", causes.WRONG, causes.TRUNCATED),
    (f"```python\n{SIGNATURE}    return ((\n", "stop", causes.FENCE_OPEN, ""),
    (f"```python\n{SIGNATURE}    return False\n```", "stop", causes.WRONG, causes.FENCE_LEFT),
    (f"Here you are:\n{SIGNATURE}    return False\n", "stop", causes.WRONG, causes.REPEATED),
    (f"    {SIGNATURE}        return False\n", "stop", causes.WRONG, causes.INDENTATION),
    (f"```python\n{SIGNATURE}    return ((\n```", "stop", causes.SYNTAX, ""),
    ("```python\ndef another(x):\n    return x\n```", "stop", causes.NO_ENTRY, ""),
]


def test_every_failure_has_its_cause_and_every_other_protocol_its_verdicts(coma, tmp_path):
    rows = [{"task_id": PROBLEM.task_id, "completion": c, "finish_reason": why} for c, why, _, _ in CASES]
    rows.append({"task_id": PROBLEM.task_id, "completion": right(PROBLEM), "finish_reason": "stop"})
    path = write_lines(tmp_path / "s.jsonl", rows)
    base = ("--bench", "humaneval", "--samples", path, "--timeout", "0.3", "--protocol", "default,as-is", "-k", "1")
    summary = coma(*base, "--explain")
    artifact = coma.workspace.newest("score")
    found: dict[tuple[str, int], str] = {
        (row["protocol"], row["index"]): row["cause"] for row in read_rows(artifact.file("causes.jsonl"))
    }
    expected = {("default", i): case[2] for i, case in enumerate(CASES)}
    expected |= {("as-is", i): case[3] or case[2] for i, case in enumerate(CASES)}
    assert found == expected
    default, as_is = summary["explanation"]["causes"]
    assert (default["protocol"], default["samples"], default["failed"]) == ("default", len(CASES) + 1, len(CASES))
    assert sum(as_is["causes"].values()) == as_is["failed"] == len(CASES)
    assert list(default["causes"].values()) == sorted(default["causes"].values(), reverse=True)
    others = {row["protocol"] for row in summary["explanation"]["alternatives"]}
    assert others == PROTOCOLS.keys() - {"default", "as-is"}


def test_other_protocols_are_judged_and_equal_programs_are_not_run_again(coma, tmp_path):
    fenced = f"```python\n{PROBLEM.reference}\n```\n"
    rows = [{"task_id": PROBLEM.task_id, "completion": text} for text in (fenced, right(PROBLEM), fenced)]
    path = write_lines(tmp_path / "s.jsonl", rows)
    base = ("--bench", "humaneval", "--samples", path, "--protocol", "as-is", "--name", "run")
    plain = coma(*base)
    assert plain["explanation"] is None and plain["pass_at_k"]["1"]["value"] == pytest.approx(1 / 3)
    explained = coma(*base, "--explain")
    best = explained["explanation"]["alternatives"][0]
    assert best["protocol"] in ("default", "entry-point")
    assert (best["passed"], best["rescued"], best["lost"]) == (3, 2, 0) and best["pass_at_k"]["1"]["value"] == 1.0
    assert explained["results"] == plain["results"]
    ran = explained["programs_run"]
    rows_written = list(read_rows(coma.workspace.newest("score").file("alternatives.jsonl")))
    programs = {row["program_sha256"] for row in rows_written}
    known = {row["program_sha256"] for row in coma.verdicts()}
    assert len(rows_written) == 3 * (len(PROTOCOLS) - 1) and ran == len(programs - known) < len(programs)
    assert coma(*base, "--explain")["explanation"] == explained["explanation"]


def test_a_killed_explanation_is_taken_up_where_it_was(coma, tmp_path):
    rows = [{"task_id": p.task_id, "completion": text} for p in HUMANEVAL[:3] for text in (right(p), "    return 0\n")]
    base = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows), "--name", "run", "--explain")
    coma(*base)
    artifact = coma.workspace.newest("score")
    (artifact.path / "manifest.json").unlink()
    for name, keep in (("alternatives.jsonl", 7), ("causes.jsonl", 1)):
        lines = (artifact.path / name).read_bytes().splitlines(keepends=True)
        (artifact.path / name).write_bytes(b"".join(lines[:keep]) + lines[keep][:9])
    coma(*base)
    again = coma.workspace.newest("score")
    assert again.content_sha256 == artifact.content_sha256
    assert again.manifest["work"]["done_since_start"] < artifact.manifest["work"]["done_since_start"]


def test_the_screen_shows_causes_alternatives_and_what_to_do(coma, tmp_path, capsys):
    fenced = f"```python\n{PROBLEM.reference}\n```\n"
    rows = [{"task_id": PROBLEM.task_id, "completion": text} for text in (fenced, fenced, "    return 0\n")]
    path = write_lines(tmp_path / "s.jsonl", rows)
    summary = coma("--bench", "humaneval", "--samples", path, "--protocol", "as-is", "--explain")
    show(summary["explanation"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Why 3 of 3 samples fail (as-is)" in shown
    assert f"{causes.FENCE_LEFT} │ 2 │ 66.7 % │ HumanEval/0|-|0" in shown
    assert "default │ pass@1 66.67 %" in shown
    assert f"{causes.FENCE_LEFT} (2): {REMEDIES[causes.FENCE_LEFT]}" in shown


def verdict(**fields: Any) -> Verdict:
    return Verdict(
        **{"task_id": "m/1", "temperature": 0, "index": 0, "protocol": "default", "verdict": "fail", **fields}
    )


@pytest.mark.parametrize(
    ("text", "detail", "cause"),
    [
        ("def f(x):\n    pass\n", "AssertionError at test line 1: assert f(1)", causes.STUB),
        ("def f(x):\n    pass\n", "", causes.STUB),
        ("def f(x):\n    pass\n", "while loading: ModuleNotFoundError: No module named 'q'", causes.NO_IMPORT),
        ("def f(x):\n    pass\n", "while loading: NameError: name 'List' is not defined", causes.NO_IMPORT),
        ("def f(x):\n    pass\n", "killed by SIGSEGV", "killed by SIGSEGV"),
        ("return 1\ndef f(): pass", "SyntaxError: 'return' outside function (<program>, line 1)", causes.SYNTAX),
        ("def f(): pass # \0", "the program contains a NUL byte", causes.SYNTAX),
        ("def g(x):\n    pass\n", "NameError: name 'f' is not defined", causes.NO_ENTRY),
        ("x" * 200_000, "NameError", causes.NO_CODE),
    ],
)
def test_causes_of_whole_programs(text, detail, cause):
    sample = Candidate("m/1", 0.0, 0, text, whole=True)
    found = cause_of(MBPP_LIKE, PROTOCOLS["default"], sample, verdict(detail=detail))
    assert found == cause


def test_a_broken_sandbox_is_nobodys_fault():
    row = verdict(verdict="error", runner_crash=True)
    assert cause_of(MBPP_LIKE, PROTOCOLS["default"], Candidate("m/1", 0.0, 0, ""), row) == causes.CRASH


def test_advice_names_each_cause_once():
    tables = [{"causes": {causes.TIMEOUT: 1, causes.WRONG: 9}}, {"causes": {causes.TIMEOUT: 2}}]
    assert advice({"causes": tables}) == [f"{causes.TIMEOUT} (3): {REMEDIES[causes.TIMEOUT]}"]
