"""Level 3 in a whole build: what is reported, what leaves, and what the outputs say."""

import json

import pytest

from coma_cli.dataset import behaviour
from coma_cli.sandbox import InheritedLimitError, SandboxError, SandboxUnavailable
from tests.dataset.builds import FILES, build, rows_of

PALINDROME = """def same_backwards(word):
    left, right = 0, len(word) - 1
    while left < right:
        if word[left] != word[right]:
            return False
        left += 1
        right -= 1
    return True
"""
GAUSS = "def gauss(n):\n    return n * (n + 1) // 2\n"
# HumanEval/42 in five of its seven words, with a solution of our own.
SHARES_WORDS = (
    "Return list with elements incremented by one each.",
    "def bump(xs):\n    out = []\n    for x in xs:\n        out += [x + 1]\n    return out\n",
)
HOSTILE = """import sys


class Any:
    def __eq__(self, other):
        return True


def anything(x):
    return Any() or sys.exit(0)
"""
ROWS = (
    ("Is the word a mirror of itself?", PALINDROME),
    ("Gauss as a formula.", GAUSS),
    SHARES_WORDS,
    ("Give back anything at all.", HOSTILE),
    ("Name the river.", "print('the Elbe, which flows slowly to the sea')"),
    ("Halve what comes in, please.", "def half(x):\n    return x / 2\n"),
)


@pytest.fixture
def codealpaca(tmp_path):
    folder = tmp_path / "codealpaca"
    folder.mkdir()
    rows = [{"instruction": asked, "input": "", "output": answer} for asked, answer in ROWS]
    (folder / "code_alpaca_20k.json").write_text(json.dumps(rows))
    (folder / "new_codealpaca.json").write_text(json.dumps(rows[:1]))
    return {"codealpaca": str(folder)}


def built(tmp_path, codealpaca, **flags):
    return build(
        tmp_path / "w",
        tasks=["code-generation"],
        source=codealpaca,
        validation_share=0.0,
        **{"decontaminate_behaviour": "report", **flags},
    )


def test_rows_that_solve_a_problem_are_reported_and_copies_leave(tmp_path, codealpaca):
    made = built(tmp_path, codealpaca)
    evidence = {row["problem"]: row for row in rows_of(made, "contamination.jsonl")}
    assert set(evidence) == {"HumanEval/48", "HumanEval/60", "HumanEval/42"}
    kept = {row["id"]: row["output"] for row in rows_of(made)}
    palindrome = evidence["HumanEval/48"]
    assert (palindrome["level"], palindrome["kind"], palindrome["where"]) == (3, "solves", "answer")
    assert palindrome["assertions"] == 7 and palindrome["part"] == "tests"
    assert kept[palindrome["id"]].startswith("def same_backwards")
    copied = evidence["HumanEval/42"]
    assert (copied["level"], copied["kind"]) == (3, "copy")
    assert copied["shared"] == "return list with elements incremented by"
    (leaving,) = [row for row in rows_of(made, "dropped.jsonl") if row["reason"] == "contaminated"]
    assert (leaving["id"], leaving["detail"]) == (copied["id"], "HumanEval/42 (tests)")
    found = made.summary["behaviour"]
    assert (found["solving"], found["dropped"]) == ({"humaneval": 2}, {"humaneval": 1})
    assert made.summary["dropped"]["contaminated"] == 1
    card = (made.path / "README.md").read_text()
    assert "| humaneval | 164 | 2 | 1 |" in card


def test_with_drop_all_of_them_leave_and_with_off_nothing_runs(tmp_path, codealpaca, monkeypatch):
    dropping = built(tmp_path, codealpaca, decontaminate_behaviour="drop")
    assert dropping.summary["behaviour"]["dropped"] == {"humaneval": 4}  # the palindrome of both files
    assert not [row for row in rows_of(dropping) if "gauss" in row["output"]]
    monkeypatch.setattr(behaviour, "probe_isolation", lambda: pytest.fail("it runs"))
    off = built(tmp_path, codealpaca, decontaminate_behaviour="off")
    assert off.summary["behaviour"]["skipped"] == "it is switched off"
    assert rows_of(off, "contamination.jsonl") == []
    assert "Level 3" in (off.path / "README.md").read_text()


@pytest.mark.slow
def test_the_files_are_the_same_for_any_number_of_workers_and_from_the_cache(tmp_path, codealpaca):
    contents = []
    for workers in (1, 2, 2):
        made = built(tmp_path / str(len(contents)), codealpaca, workers=workers)
        contents.append({name: (made.path / name).read_bytes() for name in FILES})
    assert contents[0] == contents[1] == contents[2]


@pytest.mark.parametrize("error", [SandboxUnavailable("no namespaces"), InheritedLimitError("ulimit -n")])
def test_where_programs_can_not_be_isolated_it_is_skipped_and_said(tmp_path, codealpaca, monkeypatch, capsys, error):
    def refuse():
        raise error

    monkeypatch.setattr(behaviour, "probe_isolation", refuse)
    made = built(tmp_path, codealpaca)
    assert str(error) in made.summary["behaviour"]["skipped"]
    assert str(error) in (made.path / "README.md").read_text()
    assert "were not run against the benchmarks' tests" in capsys.readouterr().err.replace("\n", " ")
    assert len(rows_of(made)) == len(ROWS)


def test_a_broken_sandbox_is_an_error_that_names_the_way_out(tmp_path, codealpaca, monkeypatch):
    def broken():
        raise SandboxError("the zygote has died")

    monkeypatch.setattr(behaviour, "probe_isolation", broken)
    with pytest.raises(behaviour.CliError, match="the zygote has died") as raised:
        built(tmp_path, codealpaca)
    assert "--decontaminate-behaviour off" in raised.value.hint


def test_without_decontamination_nothing_runs(tmp_path, codealpaca, monkeypatch):
    monkeypatch.setattr(behaviour, "probe_isolation", lambda: pytest.fail("it runs"))
    made = built(tmp_path, codealpaca, decontaminate=False)
    assert made.summary["behaviour"]["skipped"] == "it is switched off"
