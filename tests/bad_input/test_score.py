"""What people hand to `coma score` by mistake, through its command line: named, counted, and never a traceback."""

import gzip
import json

import pytest

from coma_cli.sandbox import levels
from tests.evaluation.sampled import HUMANEVAL, right
from tests.support.files import write_lines

FIRST = HUMANEVAL[0]
GOOD = json.dumps({"task_id": FIRST.task_id, "completion": right(FIRST)}) + "\n"


@pytest.mark.parametrize(
    ("content", "passed", "skipped"),
    [
        (GOOD + '{"task_id": "HumanEval/1", "comp', 1, {"corrupt_lines": 1}),
        (GOOD + '{"task_id": "HumanEval/9999", "completion": "x"}\n', 1, {"unknown_task_ids": 1}),
        (GOOD + '{"task_id": "HumanEval/1"}\n', 1, {}),
        (
            GOOD + '{"task_id": "HumanEval/1", "completion": null}\n[1]\n"x"\n',
            1,
            {"corrupt_lines": 2},
        ),
        (GOOD + '{"task_id": null, "completion": "x"}\n', 1, {"rows_without_task_id": 1}),
        ("\ufeff" + GOOD.replace("\n", "\r\n"), 1, {}),
        (GOOD + GOOD.replace("}", ', "temperature": NaN}'), 2, {}),
        (GOOD + GOOD.replace("}", ', "temperature": -1e999}'), 2, {}),
        (GOOD + GOOD.replace("}", f', "temperature": 1{"0" * 400}}}'), 2, {}),
        (GOOD + GOOD.replace("}", ', "temperature": "hot", "index": true}'), 2, {}),
        (GOOD + '{"task_id": "HumanEval/1", "completion": "    return \\"\\ud800\\"\\n"}\n', 1, {}),
        (GOOD + '{"task_id": "HumanEval/1", "completion": "    return 1\\u0000\\n"}\n', 1, {}),
    ],
    ids=[
        "torn last line",
        "unknown task",
        "neither completion nor solution",
        "null and other types",
        "no task",
        "byte order mark and windows lines",
        "not a number",
        "minus infinity",
        "beyond any number",
        "words for numbers",
        "lone surrogate",
        "nul byte",
    ],
)
def test_odd_rows_are_counted_and_the_others_scored(coma, tmp_path, content, passed, skipped):
    path = tmp_path / "s.jsonl"
    path.write_text(content, encoding="utf-8")
    summary = coma("--bench", "humaneval", "--samples", path)
    assert summary["verdicts"]["pass"] == passed and summary["partial"]
    assert {name: count for name, count in summary["skipped"].items() if count} == skipped


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("cut.jsonl.gz", gzip.compress(GOOD.encode() * 500, 1)[:-20], 3, "is a broken gzip file"),
        ("text.jsonl.gz", b"no gzip at all", 3, "1 broken row"),
        ("bytes.jsonl", bytes(range(256)) * 8, 3, "broken rows"),
        ("deep.json", b"[" * 100_000, 3, "nested too deeply"),
        ("lists.json", b"[" + b"[]," * 164 + b"[]]", 2, "165 lists without task ids, the benchmark 164 problems"),
        (
            "twins.jsonl",
            b'{"task_id": "HumanEval/0", "completion": "x", "temperature": 0.2, "index": 1}\n' * 2,
            2,
            "HumanEval/0|0.2|1, which is a duplicate",
        ),
    ],
)
def test_files_that_hold_no_samples_are_named(coma, tmp_path, name, content, code, words):
    path = tmp_path / name
    path.write_bytes(content)
    said = coma("--bench", "humaneval", "--samples", path, code=code)
    assert words in said and name in said


def test_fifty_megabytes_of_source_are_a_program_like_any_other(coma, tmp_path):
    rows = [
        {"task_id": FIRST.task_id, "completion": right(FIRST) + "    # " + "x" * (50 << 20) + "\n"},
        {"task_id": FIRST.task_id, "completion": right(FIRST)},
    ]
    path = write_lines(tmp_path / "s.jsonl", rows)
    coma("--bench", "humaneval", "--samples", path, "--protocol", "as-is", "--memory", "2048")
    assert [row["verdict"] for row in coma.verdicts()] == ["pass", "pass"]
    (written,) = (tmp_path / "workspace" / "score").glob("*/verdicts.jsonl")
    assert written.stat().st_size < 2000


@pytest.fixture
def no_isolation(monkeypatch):
    monkeypatch.setattr(levels, "try_level", lambda setting: f"{setting.level} was refused")


def test_a_machine_without_isolation_is_refused_with_the_reason_and_the_flag(coma, tmp_path, no_isolation):
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": FIRST.task_id, "completion": right(FIRST)}])
    base = ("--bench", "humaneval", "--samples", path)
    for arguments in ((), ("--allow-unsafe",), ("--dry-run",)):
        said = coma(*base, *arguments, code=2)
        assert "ns: ns was refused; landlock: landlock was refused" in said
        assert "--isolation none --allow-unsafe" in said
    assert "landlock was refused" in coma(*base, "--isolation", "landlock", code=2)
    assert "consent" in coma(*base, "--isolation", "none", code=2)


def test_who_consents_can_score_without_isolation_and_the_result_says_so(coma, tmp_path, no_isolation):
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": FIRST.task_id, "completion": right(FIRST)}])
    summary = coma("--bench", "humaneval", "--samples", path, "--isolation", "none", "--allow-unsafe")
    assert summary["isolation"] == "rlimit" and summary["verdicts"]["pass"] == 1
    assert any("NOT protected" in loss for loss in summary["isolation_lost"])
