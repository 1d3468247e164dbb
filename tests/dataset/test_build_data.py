"""build-data: repositories and sources in, rows with their reasons out."""

import gzip
import json
import os
import shutil
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.dataset import build_data
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.settings import load_settings
from coma_cli.words import sentences, words
from coma_cli.workspace import Workspace
from tests.dataset.builds import FILES, NOUNS, VERBS, all_rows, build, function, rows_of
from tests.support.command import coma


def test_a_repository_becomes_rows_of_all_five_tasks(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)])
    rows = all_rows(made)
    count = len(VERBS) * len(NOUNS)
    assert {task: sum(r.task == task for r in rows) for task in {r.task for r in rows}} == {
        "code-summarization": count,
        "code-generation": count,
        "line-completion": count,
        "code-repair": count,
        "defect-detection": 29,
    }
    judged = Counter(r["output"] for r in rows_of(made, "train.jsonl") if r["task"] == "defect-detection")
    assert judged["yes"] == judged["no"] > 5
    assert {(r.source, r.licence, r.language, r.origin.path.rpartition(".")[2]) for r in rows} == {
        ("repo:code", "Apache-2.0", "python", "py")
    }
    (summary,) = [r for r in rows if r.task == "code-summarization" and r.origin.row == "trim_signal"]
    assert summary.output == "Trim a signal and give back how often that was needed."
    assert summary.input.startswith("def trim_signal(self, signal, factor=53):\n    count = self.trim(")
    assert summary.origin.lines == (34, 42)


def test_every_row_left_out_has_its_reason(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)])
    (dropped,) = rows_of(made, "dropped.jsonl")
    assert (dropped["reason"], dropped["row"]["origin"]["path"]) == ("does-not-parse", "broken.py")
    assert made.summary["dropped"] == {"does-not-parse": 1}


def test_rows_are_unique_and_in_the_order_of_their_ids(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)])
    for name in FILES[:2]:
        ids = [row["id"] for row in rows_of(made, name)]
        assert ids == sorted(set(ids)) != []


def test_comit_has_the_training_rows_in_three_fields(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)])
    comit = json.loads((made.path / "CoMIT.json").read_bytes())
    assert comit == [{k: row[k] for k in ("instruction", "input", "output")} for row in rows_of(made)]
    assert list(comit[0]) == ["instruction", "input", "output"]


def test_sources_of_a_folder_are_read_and_the_others_named(workspace_root, sources):
    settings = load_settings(build_data.STAGE.settings, flags={"sources": str(sources)})
    plan = build_data.plan(settings, Workspace(workspace_root))
    assert plan.total == 2
    assert any("elsewhere" in note for note in plan.notes)
    made = build(workspace_root, sources=str(sources))
    assert made.summary["sources"].keys() == {"codealpaca", "mbpp"}
    assert made.summary["checked_against"] == {"humaneval": 164, "mbpp": 500, "mbpp-other-splits": 474}
    assert made.summary["not_checked_against"] == []
    card = (made.path / "README.md").read_text()
    assert "**Not for commercial use as a whole**: 40 rows are under CC-BY-NC-4.0." in card
    assert "train (task_id 601-974)" in card
    assert "| mbpp | 500 | 1, 2 | " in card
    assert str(sources) not in card


def test_a_source_that_is_not_there_is_said_in_the_card(workspace_root, sources):
    (sources / "mbpp" / "mbpp.jsonl").unlink()
    made = build(workspace_root, sources=str(sources))
    assert "mbpp" in made.summary["missing_sources"]
    named = next(
        x for x in (made.path / "README.md").read_text().split("\n") if x.startswith("Known sources that were not")
    )
    assert "mbpp" in named
    assert "codealpaca" not in named


def test_benchmark_problems_are_removed_with_evidence(workspace_root, sources):
    problems = BENCHMARKS["humaneval"].load().problems[:20]
    planted = [{"instruction": p.prompt, "input": "", "output": p.reference} for p in problems]
    path = sources / "codealpaca" / "code_alpaca_20k.json"
    path.write_text(json.dumps(json.loads(path.read_text()) + planted))
    made = build(workspace_root, sources=str(sources))
    evidence = rows_of(made, "contamination.jsonl")
    assert {row["problem"] for row in evidence if row["bench"] == "humaneval"} == {p.task_id for p in problems}
    assert {row["problem"] for row in evidence if row["bench"] == "mbpp"} == {"MBPP/11"}
    skipped = {row["id"] for row in rows_of(made, "dropped.jsonl") if row["reason"] == "contaminated"}
    assert skipped == {row["id"] for row in evidence}
    assert made.summary["contaminated"] == {"humaneval": 20, "mbpp": 1}
    assert not [r for r in all_rows(made) if r.instruction in {p.prompt.strip() for p in problems}]


def test_without_decontamination_the_card_warns(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)], decontaminate=False)
    assert "switched off" in (made.path / "README.md").read_text()
    assert made.summary["decontaminated"] is False
    assert made.summary["checked_against"] == {}


def test_a_benchmark_without_problems_in_its_file_is_checked_against_all_the_same(workspace_root, sources):
    path = sources / "mbpp" / "mbpp.jsonl"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if '"task_id": 60' in line))
    made = build(workspace_root, sources=str(sources))
    assert made.summary["checked_against"]["mbpp"] == 500
    with pytest.raises(MissingInputError, match="no problem of mbpp"):
        build(workspace_root, sources=str(sources), bench_data=str(path))
    build(workspace_root, sources=str(sources), decontaminate=False)


def test_per_task_takes_the_first_rows_of_each_task_by_id(workspace_root, repo):
    whole = all_rows(build(workspace_root, from_repo=[str(repo)]))
    made = build(workspace_root, from_repo=[str(repo)], per_task=7)
    for task in ("code-summarization", "code-generation", "line-completion"):
        expected = sorted(r.id for r in whole if r.task == task)[:7]
        assert sorted(r.id for r in all_rows(made) if r.task == task) == expected
    beyond = made.summary["beyond_size"]
    assert beyond == {**dict.fromkeys(beyond, 23), "defect-detection": 22}


def test_tasks_and_languages_choose_rows(workspace_root, repo):
    made = build(workspace_root, from_repo=[str(repo)], tasks=["line-completion"])
    assert {r.task for r in all_rows(made)} == {"line-completion"}
    with pytest.raises(MissingInputError, match="No training row is left") as error:
        build(workspace_root, from_repo=[str(repo)], lang=["cn"])
    assert "text-language 150" in error.value.message


def test_equal_content_in_two_places_is_one_row_and_one_run(tmp_path, workspace_root, repo):
    copy = tmp_path / "elsewhere" / "code"
    copy.parent.mkdir()
    repo.rename(copy)
    first = build(workspace_root, from_repo=[str(copy)])
    copy.rename(repo)
    assert build(workspace_root, from_repo=[str(repo)]).path == first.path
    (tmp_path / "elsewhere" / "code").mkdir()
    (tmp_path / "elsewhere" / "code" / "load.py").write_bytes((repo / "load.py").read_bytes())
    both = build(workspace_root, from_repo=[str(repo), str(copy)])
    assert both.summary["sources"].keys() == {"repo:code"}
    assert both.summary["dropped_by_source"]["repo:code-2"]["duplicate"] == 5 * len(NOUNS)


def test_names_are_checked_and_the_nearest_is_offered(workspace_root):
    for flags, message in (
        ({"tasks": ["code-sumarization"]}, "Did you mean code-summarization"),
        ({"tasks": ["all", "nothing"]}, "Unknown task 'nothing'"),
        ({"source": {"codealpacca": "x"}}, "Did you mean codealpaca"),
    ):
        with pytest.raises(UsageError, match=message):
            build(workspace_root, **flags)
    with pytest.raises(UsageError, match="'en' or 'cn'"):
        build(workspace_root, from_repo=["stdlib"], lang=["en", "de"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"sources": "no-such-folder"}, "no folder no-such-folder"),
        ({"from_repo": ["no-such-folder"]}, "no-such-folder is not a folder"),
        ({"source": {"mbpp": "no-such-file"}}, "no no-such-file for the source mbpp"),
        ({"from_repo": ["stdlib"], "bench_data": "no-such-file"}, "no no-such-file"),
        ({"from_repo": ["stdlib"], "bench_data": "."}, "holds no benchmark"),
        ({"sources": "."}, r"No file of the known sources is in \.; looked for codealpaca"),
    ],
)
def test_what_is_not_there_is_named(workspace_root, tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match=message) as error:
        build(workspace_root, **flags)
    assert error.value.exit_code == 3


def test_a_source_that_does_not_feed_the_task(workspace_root, sources):
    given = {"mbpp": str(sources / "mbpp")}
    with pytest.raises(MissingInputError, match="feeds line-completion"):
        build(workspace_root, source=given, tasks=["line-completion"])


def test_a_folder_without_a_source_that_feeds_the_task(workspace_root, sources):
    with pytest.raises(MissingInputError, match=r"looked for .*codecapybara_seed"):
        build(workspace_root, sources=str(sources), tasks=["line-completion"])


def test_an_unreachable_hub_is_an_error_that_names_the_way_out(workspace_root, tmp_path):
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    done = coma("build-data", "-w", workspace_root, **nowhere)
    assert done.returncode == 3, done.stderr
    hint = done.stderr.rpartition("Hint:")[2]
    assert "--from-repo stdlib" in hint and "--sources DIR" in " ".join(hint.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no rows"),
        (b'[{"instruction": "a", "output": "b"},', "not a whole JSON array"),
        (b'[{"prompt": "a", "answer": "b"}]', "it has answer, prompt"),
        (gzip.compress(b'{"instruction": "a", "output": "bcd"}\n' * 5000)[:-9], "broken gzip"),
    ],
)
def test_a_source_that_is_broken_as_a_whole_stops_the_command(workspace_root, sources, content, message):
    (sources / "codealpaca" / "code_alpaca_20k.json").write_bytes(content)
    with pytest.raises(MissingInputError, match=message):
        build(workspace_root, sources=str(sources))
    assert not Workspace(workspace_root).finished("build-data")
    made = build(workspace_root, sources=str(sources), skip_broken_sources=True)
    assert made.summary["sources"].keys() == {"mbpp"}
    card = (made.path / "README.md").read_text()
    assert "codealpaca is broken" in card
    assert str(sources) not in card


def test_broken_rows_are_counted_and_kept_aside(workspace_root, sources):
    rows = [json.dumps({"instruction": f"Say {n} words.", "input": "", "output": f"{n} words"}) for n in range(30)]
    rows[3] = rows[3][:20]
    rows[7] = json.dumps({"instruction": "no output"})
    rows[9] = json.dumps({"instruction": None, "input": "", "output": "x"})
    (sources / "codealpaca" / "code_alpaca_20k.json").write_text("\n".join(rows))
    made = build(workspace_root, sources=str(sources))
    reasons = {row["reason"]: row for row in rows_of(made, "dropped.jsonl")}
    assert reasons["missing-column"]["detail"] == "no output; it has instruction"
    broken = [row["detail"] for row in rows_of(made, "dropped.jsonl") if row["reason"] == "broken-row"]
    assert broken[0].startswith("code_alpaca_20k.json:4: not valid JSON")
    assert len(broken) == 2


def test_the_seed_changes_the_rows_chosen_and_the_fingerprint(workspace_root, repo):
    first, second = (build(workspace_root, from_repo=[str(repo)], seed=seed) for seed in (0, 1))
    assert first.fingerprint != second.fingerprint
    assert first.content_sha256 != second.content_sha256


def test_a_changed_file_is_another_run(workspace_root, repo):
    first = build(workspace_root, from_repo=[str(repo)])
    (repo / "more.py").write_text(function("paint", "wall", 3))
    assert build(workspace_root, from_repo=[str(repo)]).fingerprint != first.fingerprint


def test_adding_files_never_moves_rows_between_the_sides(workspace_root, repo):
    first = build(workspace_root, from_repo=[str(repo)], validation_share=0.4)
    more = (function("paint", noun, 90 + n) for n, noun in enumerate(("wall", "door", "roof")))
    (repo / "more.py").write_text("\n\n".join(more))
    second = build(workspace_root, from_repo=[str(repo)], validation_share=0.4)
    before, after = ({name: {r["id"] for r in rows_of(m, name)} for name in FILES[:2]} for m in (first, second))
    assert before["train.jsonl"] <= after["train.jsonl"]
    assert not before["validation.jsonl"] & after["train.jsonl"]
    assert before["validation.jsonl"]


@pytest.mark.slow
def test_no_documentation_stays_in_code_that_asks_for_it(workspace_root, tmp_path):
    library = Path(sysconfig.get_path("stdlib"))
    for name in ("asyncio", "email", "json", "logging", "http"):
        shutil.copytree(library / name, tmp_path / "library" / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = build(workspace_root, from_repo=[str(tmp_path / "library")], workers=2)
    checked = 0
    for row in all_rows(made):
        text, code = {
            "code-summarization": (row.output, row.input),
            "code-generation": (row.instruction, row.output),
        }.get(row.task, ("", ""))
        plain = f" {' '.join(words(code))} "
        for sentence in sentences(text):
            if len(words(sentence)) >= 3:
                assert f" {' '.join(words(sentence))} " not in plain, (row.origin, sentence)
                checked += 1
    assert checked > 1500


def test_a_size_leaves_out_what_is_outside_the_table(workspace_root, sources):
    everything = build(workspace_root, sources=str(sources))
    assert everything.summary["sources"]["mbpp"]["train"] and not everything.summary["outside_table"]
    sized = build(workspace_root, sources=str(sources), size=60)
    assert set(sized.summary["sources"]) == {"codealpaca"} and sized.summary["rows"]["train"] <= 60
    assert sized.summary["outside_table"] == {"code-generation": everything.summary["sources"]["mbpp"]["train"]}
    assert len(json.loads((sized.path / "CoMIT.json").read_text())) == sized.summary["rows"]["train"]
    named = build(workspace_root, sources=str(sources), mix="codecapybara")
    assert set(named.summary["sources"]) == {"codealpaca"}


def test_where_only_rows_outside_the_table_are_left_the_error_says_so(workspace_root, repo):
    with pytest.raises(MissingInputError, match=r"belong to no sub-dataset of comit") as error:
        build(workspace_root, from_repo=[str(repo)], size=10)
    assert "--per-task" in error.value.hint


def test_file_names_that_are_not_utf_8_are_read_and_written_readably(workspace_root, repo):
    odd = repo / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    text = "".join(function("draw", noun, 7) + "\n\n" for noun in NOUNS)
    (odd / os.fsdecode(b"dr\xe4w.py")).write_text(text)
    made = build(workspace_root, from_repo=[str(repo)], workers=2)
    assert r"caf\xe9/dr\xe4w.py" in {row.origin.path for row in all_rows(made)}
    for name in FILES:
        (made.path / name).read_text(encoding="utf-8").encode("utf-8")
        assert rb"\udc" not in (made.path / name).read_bytes()


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_row_that_asks_nothing_is_dropped(tmp_path, blank):
    rows = [
        {"instruction": blank, "input": "", "output": "def area(width, height):\n    return width * height"},
        {"instruction": "Name the three largest rivers.", "input": "", "output": "Amazon, Nile and Yangtze"},
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    made = build(tmp_path / "w", source={"codealpaca": str(tmp_path / "rows.json")})
    assert [row.instruction for row in all_rows(made)] == ["Name the three largest rivers."]
    assert [row["reason"] for row in rows_of(made, "dropped.jsonl")] == ["empty-instruction"]


def test_rows_under_an_unknown_licence_alone_lead_to_licences_any(tmp_path):
    rows = [{"instruction": f"Name the {n} largest towns.", "input": "", "output": f"{n} towns"} for n in range(3)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    with pytest.raises(MissingInputError, match="licence-not-allowed 3") as error:
        build(tmp_path / "w", source={"CodeAlpaca": str(tmp_path / "rows.json")}, cleaning__licences="permissive")
    assert "--licences any" in error.value.hint


def test_no_table_of_dropped_rows_where_none_was_dropped(tmp_path, capsys):
    rows = [{"instruction": "Name the three largest rivers.", "input": "", "output": "Amazon, Nile and Yangtze"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    made = build(tmp_path / "w", source={"codealpaca": str(tmp_path / "rows.json")})
    build_data.show(made.summary)
    assert "Dropped" not in capsys.readouterr().out
    build_data.show({**made.summary, "dropped": {"too-short": 2}})
    assert "Dropped" in capsys.readouterr().out


def test_text_languages_have_one_order_and_one_identity():
    model = build_data.STAGE.settings
    both = [load_settings(model, flags={"lang": value}) for value in (["cn", "en"], ["en", "cn"])]
    assert [settings.lang for settings in (model(), *both)] == [("en", "cn")] * 3
    assert both[0].identity() == model().identity()


def test_code_of_a_benchmark_is_no_candidate_of_another_row(workspace_root, tmp_path):
    """HumanEval/5 among questions of CoNaLa: its own row goes, and its neighbours do not show it."""
    solution = next(p for p in BENCHMARKS["humaneval"].load().problems if p.task_id == "HumanEval/5").reference
    neighbours = {
        "How do I sort a list of words by length?": "words.sort(key=len)",
        "Read a file line by line": "with open(path) as file:\n    lines = file.readlines()",
        "Which key of a dictionary has the largest value?": "best = max(counts, key=counts.get)",
        "Turn a date into text": "text = date.strftime('%d.%m.%Y')",
        "Remove the directory `folder` with all it holds": "import shutil\nshutil.rmtree(folder)",
        "Get the square root of a number": "import math\nroot = math.sqrt(number)",
        "Parse JSON from a response": "import json\nanswer = json.loads(response.text)",
        "Pause the program for a second": "import time\ntime.sleep(1)",
    }
    asked = [*list(neighbours.items())[:4], ("Put a number between every two of a list", solution)]
    asked += list(neighbours.items())[4:]
    rows = [{"question_id": n, "intent": intent, "snippet": code} for n, (intent, code) in enumerate(asked)]
    path = tmp_path / "conala-train.json"
    path.write_text(json.dumps([{**row, "rewritten_intent": row["intent"]} for row in rows]))
    flags = {"source": {"conala": str(path)}, "tasks": "code-search", "near__enabled": False, "validation_share": 0.0}
    made = build(workspace_root, **flags)
    kept = all_rows(made)
    assert len(kept) == 8
    assert not [row.id for row in kept if solution in json.loads(row.input)]
    assert all(len(json.loads(row.input)) >= 4 for row in kept)
    assert [row["problem"] for row in rows_of(made, "contamination.jsonl")] == ["HumanEval/5"]
