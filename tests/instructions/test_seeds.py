"""Seed code: the published layout and its traps, plain files, build-data runs, and a choice that only grows."""

import gzip
import json
from pathlib import Path

import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.instructions.seed_choice import choose_seeds
from coma_cli.instructions.seeds import find_seed_code
from coma_cli.jsonl import write_rows
from coma_cli.records import Example, Origin
from coma_cli.workspace import Workspace
from tests.requirements import shared_data

OPTIONS = {"num": 1000, "run_seed": 0, "max_chars": 6000, "languages": None, "licence": "unknown"}


def code(name: str) -> str:
    return f"def {name}(values):\n    return sum(values)"


def read(place, tmp_path, **changes):
    source = find_seed_code(place, "python", Workspace(tmp_path / "workspace"))
    return choose_seeds(source, **{**OPTIONS, **changes})


@pytest.fixture
def layout(tmp_path):
    root = tmp_path / "seed"
    for language, place in (
        ("python", "train.jsonl"),
        ("c", "final/extract_function_train.jsonl"),
        ("go", "train.jsonl"),
    ):
        file = root / language / place
        file.parent.mkdir(parents=True)
        write_rows(file, [{"id": n, "code": code(f"{language}_{n}")} for n in range(3)])
    return root


def test_the_published_layout(layout, tmp_path):
    seeds, tally = read(layout, tmp_path)
    assert {(s.language, s.origin.path) for s in seeds} == {
        ("python", "python/train.jsonl"),
        ("c", "c/final/extract_function_train.jsonl"),
        ("go", "go/train.jsonl"),
    }
    assert tally.usable == len(seeds) == 9


def test_missing_and_equal_ids_do_not_collide(tmp_path):
    root = tmp_path / "seed"
    for language in ("python", "ruby"):
        (root / language).mkdir(parents=True)
    write_rows(root / "python" / "train.jsonl", [{"id": n, "code": code(f"p{n}")} for n in range(3)])
    write_rows(root / "ruby" / "train.jsonl", [{"code": code(f"p{n}")} for n in range(3)])
    seeds, _ = read(root, tmp_path)
    assert len({s.id for s in seeds}) == 6, "the same text in another language is another function"
    assert {s.origin.row for s in seeds if s.language == "ruby"} == {"1", "2", "3"}


def test_what_cannot_be_used_is_counted_by_reason(tmp_path):
    rows = [
        {"code": code("good")},
        {"code": code("good") + "   \n\n"},
        {"code": code("good").replace("\n", "\r\n")},
        {"code": ""},
        {"code": None},
        {"text": "no code here"},
        {"code": "x = 1"},
        {"code": "# " + "x" * 7000},
        {"code": "s = 'a lone surrogate \ud800 in it'"},
    ]
    write_rows(tmp_path / "seed.jsonl", rows)
    seeds, tally = read(tmp_path / "seed.jsonl", tmp_path)
    assert len(seeds) == 1
    assert dict(tally.skipped) == {"repeat": 2, "no-code": 3, "too-short": 1, "too-long": 1, "no-text": 1}


def test_broken_lines_are_named_and_the_rest_is_read(tmp_path):
    file = tmp_path / "seed.jsonl"
    file.write_text(json.dumps({"code": code("a")}) + "\n{broken\n[1]\n" + json.dumps({"code": code("b")}) + "\n")
    seeds, tally = read(file, tmp_path)
    assert len(seeds) == 2
    assert [str(line).partition(": ")[0] for line in tally.corrupt] == [f"{file}:2", f"{file}:3"]


def test_a_packed_file_and_rows_that_say_their_language_and_licence(tmp_path):
    file = tmp_path / "seed.jsonl.gz"
    row = {"code": code("a"), "language": "Ruby", "license": "MIT", "id": "x/1"}
    file.write_bytes(gzip.compress((json.dumps(row) + "\n").encode()))
    (seed,), _ = read(file, tmp_path)
    assert (seed.language, seed.licence, seed.origin.row) == ("ruby", "MIT", "x/1")


def test_loose_files_in_a_folder(tmp_path):
    (tmp_path / "seed").mkdir()
    for name in "ab":
        write_rows(tmp_path / "seed" / f"{name}.jsonl", [{"code": code(name)}])
    seeds, _ = read(tmp_path / "seed", tmp_path)
    assert sorted(s.origin.path for s in seeds) == ["a.jsonl", "b.jsonl"]


def test_asking_for_more_keeps_those_chosen_before(layout, tmp_path):
    few, _ = read(layout, tmp_path, num=4)
    more, _ = read(layout, tmp_path, num=7)
    assert more[:4] == few
    other, _ = read(layout, tmp_path, num=4, run_seed=1)
    assert other != few


def test_the_choice_does_not_depend_on_the_order_of_the_rows(tmp_path):
    rows = [{"code": code(f"f{n}")} for n in range(20)]
    write_rows(tmp_path / "a.jsonl", rows)
    write_rows(tmp_path / "b.jsonl", rows[::-1])
    one, _ = read(tmp_path / "a.jsonl", tmp_path, num=5)
    other, _ = read(tmp_path / "b.jsonl", tmp_path, num=5)
    assert [s.id for s in one] == [s.id for s in other]


def test_languages_are_chosen_and_unknown_ones_are_errors(layout, tmp_path):
    seeds, _ = read(layout, tmp_path, languages=["c", "go"])
    assert {s.language for s in seeds} == {"c", "go"}
    with pytest.raises(UsageError, match=r"pyton.*Did you mean python"):
        read(layout, tmp_path, languages=["pyton"])


def test_the_input_is_the_content_and_not_the_place(layout, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    first = find_seed_code(layout, "python", workspace).input.content_sha256
    moved = tmp_path / "elsewhere"
    layout.rename(moved)
    (moved / "notes.txt").write_text("not read, so no part of it")
    assert find_seed_code(moved, "python", workspace).input.content_sha256 == first
    with (moved / "go" / "train.jsonl").open("a") as handle:
        handle.write(json.dumps({"code": code("new")}) + "\n")
    assert find_seed_code(moved, "python", workspace).input.content_sha256 != first


def test_nothing_there(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    with pytest.raises(MissingInputError, match="no finished build-data run"):
        find_seed_code(None, "python", workspace)
    with pytest.raises(MissingInputError, match="There is no"):
        find_seed_code(tmp_path / "absent", "python", workspace)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingInputError, match="no code functions"):
        find_seed_code(tmp_path / "empty", "python", workspace)


def test_the_newest_build_data_run_gives_its_generation_rows(tmp_path):
    from pydantic import BaseModel

    from coma_cli.settings import StageSettings
    from coma_cli.workspace import Plan, StageResult

    class Nothing(BaseModel):
        pass

    workspace = Workspace(tmp_path / "workspace")
    with workspace.open_run("build-data", StageSettings(), Plan("t", (), 1, {})) as run:
        journal = run.journal("train.jsonl", Example)
        for number, task in enumerate(["code-generation", "code-summarization", "code-generation"]):
            journal.append(
                Example(
                    id=f"e{number}",
                    task=task,
                    source="test",
                    language="java",
                    instruction="i",
                    output=code(f"f{number}"),
                    licence="MIT",
                    origin=Origin(path="a.java", lines=(1, 9)),
                )
            )
        artifact = run.finish(StageResult(Nothing(), ("train.jsonl",)))
    source = find_seed_code(None, "python", workspace)
    assert source.input.content_sha256 == artifact.content_sha256
    seeds, _ = choose_seeds(source, **OPTIONS)
    assert {(s.language, s.licence, s.origin.path, s.origin.row) for s in seeds} == {
        ("java", "MIT", "a.java", "e0"),
        ("java", "MIT", "a.java", "e2"),
    }
    for place in (artifact.path, Path(artifact.name)):
        assert find_seed_code(place, "python", workspace).input == source.input


def test_the_real_slices(tmp_path):
    seeds, tally = read(shared_data() / "codecapybara_seed", tmp_path)
    assert {s.language for s in seeds} == {"c", "csharp", "go", "java", "javascript", "php", "python", "ruby"}
    assert tally.usable + sum(tally.skipped.values()) == 204 and tally.usable >= 195
    assert len({s.id for s in seeds}) == len(seeds)
