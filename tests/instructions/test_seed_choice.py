"""Which code functions are used: some of each language, no near copies, the same ones as before and more."""

import pytest

from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.instructions.seed_choice import SeedChooser
from coma_cli.instructions.seed_repositories import seed_repository
from coma_cli.instructions.seeds import find_seed_code
from coma_cli.jsonl import write_rows
from coma_cli.workspace import Workspace

LONG = """def {name}(values, limit):
    total = 0
    for value in values:
        if value > limit:
            total += value * {factor}
        else:
            total -= value
    result = [total, limit, len(values)]
    for number in range(10):
        result.append(total + number)
    return result"""


def code(number: int) -> str:
    return f"def part_{number}(a):\n    return a + {number}"


@pytest.fixture
def layout(tmp_path):
    root = tmp_path / "seed"
    for language, count in (("python", 40), ("go", 3), ("c", 12)):
        (root / language).mkdir(parents=True)
        write_rows(root / language / "train.jsonl", [{"code": code(n)} for n in range(count)])
    return root


def chooser(place, **changes) -> SeedChooser:
    source = find_seed_code(place, "python", Workspace(place.parent / "workspace"))
    return SeedChooser(source, **{"run_seed": 0, "max_chars": 6000, "licence": "unknown", **changes})


def counts(seeds) -> dict[str, int]:
    found: dict[str, int] = {}
    for seed in seeds:
        found[seed.language] = found.get(seed.language, 0) + 1
    return found


def test_languages_take_turns_until_one_has_no_more(layout):
    one = chooser(layout)
    assert counts(one.first(6)) == {"python": 2, "go": 2, "c": 2}
    assert counts(one.first(20)) == {"python": 9, "go": 3, "c": 8} or counts(one.first(20)) == {
        "python": 8,
        "go": 3,
        "c": 9,
    }
    assert counts(one.first(1000)) == {"python": 40, "go": 3, "c": 12} == dict(one.tally.by_language)


def test_a_larger_number_later_begins_with_the_same_functions(layout):
    whole = chooser(layout).first(55)
    for sizes in ((1, 2, 30), (54, 7), (55,)):
        one = chooser(layout)
        for size in sizes:
            assert one.first(size) == whole[:size]
    assert chooser(layout, run_seed=1).first(10) != whole[:10]


def test_a_limit_for_each_language(layout):
    one = chooser(layout, per_language=5)
    assert counts(one.first(1000)) == {"python": 5, "go": 3, "c": 5}
    assert one.first(8) == chooser(layout).first(8)


def test_near_copies_are_skipped_and_the_first_by_hash_stays(tmp_path):
    rows = [{"code": LONG.format(name="sums", factor=2)}]
    rows += [{"code": f"# copy {n}\n" + LONG.format(name="sums", factor=2)} for n in range(30)]
    rows += [{"code": code(n)} for n in range(5)]
    write_rows(tmp_path / "seed.jsonl", rows)
    one = chooser(tmp_path / "seed.jsonl")
    seeds = one.first(100)
    assert len(seeds) == 6 and sum("sums" in seed.code for seed in seeds) == 1
    assert one.tally.skipped == {"near-duplicate": 30}
    assert len(chooser(tmp_path / "seed.jsonl", near=NearRules(enabled=False)).first(100)) == 36


def test_functions_that_differ_in_what_they_do_are_both_used(tmp_path):
    other = LONG.replace("total -= value", "print(value, limit)").replace("range(10)", "enumerate(values)")
    texts = [LONG.format(name="sums", factor=2), other.format(name="counts", factor=7)]
    write_rows(tmp_path / "seed.jsonl", [{"code": text} for text in texts])
    assert len(chooser(tmp_path / "seed.jsonl").first(10)) == 2


def test_a_folder_of_code_gives_its_functions_without_tests_and_third_party_code(tmp_path):
    folder = tmp_path / "mine"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "LICENSE").write_text(
        "MIT License\n\nCopyright (c) 2020 A\n\nPermission is hereby granted, free of charge"
    )
    (folder / "a.py").write_text('def kept(a):\n    """Add one."""\n    return a + 1\n\n\ndef stub(a):\n    pass\n')
    (folder / "test_a.py").write_text("def test_kept():\n    assert kept(1) == 2\n")
    (folder / "b.go").write_text("package b\n\nfunc Add(a int, b int) int {\n\treturn a + b\n}\n")
    (folder / "node_modules" / "c.js").write_text("function other(a) {\n  return a + 1;\n}\n")
    source = seed_repository(folder)
    one = SeedChooser(source, run_seed=0, max_chars=6000, licence="unknown")
    seeds = {seed.language: seed for seed in one.first(10)}
    assert set(seeds) == {"python", "go"} and seeds["python"].code == "def kept(a):\n    return a + 1"
    assert seeds["python"].origin.path == "a.py" and seeds["python"].origin.row == "kept"
    assert source.input.content_sha256 == seed_repository(folder).input.content_sha256
