from collections import Counter

from coma_cli.dataset import plot
from coma_cli.dataset.card import card, licence_line
from coma_cli.dataset.composition import COUNTED, Composition
from coma_cli.dataset.summary import BehaviourCounts, BuildDataSummary, SideCounts, SubsetCounts, side_counts
from coma_cli.drop_reasons import DROP_REASONS
from coma_cli.records import Example, Origin


def example(**changes):
    values = {
        "id": "1",
        "task": "code-generation",
        "source": "s",
        "language": "python",
        "instruction": "Write it | now.",
        "output": "x = 1\ny = 2",
        "licence": "MIT",
        "origin": Origin(path="a.py", row="f"),
    }
    return Example.model_validate({**values, **changes})


def summary(composition, **changes):
    values = {
        "rows": SideCounts(train=composition.rows["train"], validation=composition.rows["validation"]),
        "tasks": side_counts(composition, "task"),
        "sources": side_counts(composition, "source"),
        "languages": side_counts(composition, "language"),
        "text_languages": side_counts(composition, "text_language"),
        "licences": side_counts(composition, "licence"),
        "dropped": {"duplicate": 3},
        "dropped_by_source": {"s": {"duplicate": 3}},
        "beyond_size": {"code-generation": 2},
        "beyond_balance": {"defect-detection": 5},
        "outside_table": {"competition": 4},
        "mixture": "comit",
        "subsets": {
            "codealpaca": SubsetCounts(task="code-generation", train=3, validation=1, wanted=9, requested=2),
            "codegpt": SubsetCounts(task="code-generation", train=7),
        },
        "beside": SideCounts(train=1),
        "to_fill": ["codealpaca is 3 short of 9 rows: `--sources hub` fetches codealpaca."],
        "lengths": {"code-generation": {"asked": [2] + [0] * 10, "output": [1, 1] + [0] * 9}},
        "versions": {"coma": "0.1"},
        "decontaminated": True,
        "checked_against": {"humaneval": 164},
        "levels": {"humaneval": [1, 2]},
        "not_checked_against": ["mbpp"],
        "contaminated": {"humaneval": 1},
        "behaviour": BehaviourCounts(
            setting="report", skipped="", problems={"humaneval": 164}, functions=40, solving={"humaneval": 3}
        ),
        "read": [],
        "missing_sources": [],
        "broken_sources": [],
        "warnings": ["Take care."],
        "seed": 7,
        "validation_share": 0.05,
    }
    return BuildDataSummary.model_validate({**values, **changes})


def composition_of(*rows):
    by = {kind: Counter((getattr(row, kind), side) for side, row in rows) for kind in COUNTED}
    return Composition(Counter(side for side, _ in rows), by, {})


def test_a_card_says_all_that_was_counted():
    made = composition_of(("train", example()), ("validation", example(licence="CC-BY-NC-4.0", source="t")))
    text = card(summary(made), {"code-generation": example()})
    for line in (
        "1 training rows (`train.jsonl`, and as CoMIT's `CoMIT.json`), 1 validation rows (`validation.jsonl`). Seed 7, "
        "validation share 0.05.",
        "* Take care.",
        "| code-generation | 1 | 1 |",
        "| s | 1 | 0 |",
        "| t | 0 | 1 |",
        "| CC-BY-NC-4.0 | 0 | 1 |",
        "| duplicate | 3 | asks and answers the same as an earlier row |",
        "| humaneval | 164 | 1, 2 | 1 |",
        "**Not** checked against (data not available): mbpp.",
        "Good rows beyond the requested size: code-generation 2.",
        "| codealpaca | code-generation | 3 | 1 | 9 | 2 | 3 |",
        "| codegpt | code-generation | 7 | 0 | all | 0 | 0 |",
        "Excluded, since they belong to no sub-dataset: competition 4.",
        "* codealpaca is 3 short of 9 rows: `--sources hub` fetches codealpaca.",
        "Good rows beyond an even number of each answer: defect-detection 5.",
        "| code-generation | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "Seed 7; coma 0.1.",
        "    Write it | now.",
        "    x = 1\n    y = 2",
    ):
        assert line in text, line


def test_licences_are_read_for_what_they_allow():
    counts = {"MIT": SideCounts(train=3), "CC-BY-NC-4.0": SideCounts(train=1, validation=1)}
    assert "**Not for commercial use as a whole**: 2 rows are under CC-BY-NC-4.0." in licence_line(counts)
    computational = licence_line({"C-UDA-1.0": SideCounts(train=9), "MIT": SideCounts(train=1)})
    assert "9 rows are under C-UDA-1.0." in computational and "computational use only" in computational
    assert "commercial" not in licence_line({"MIT": SideCounts(train=3)})
    assert "5 rows are under BUSL-1.1;" in licence_line({"BUSL-1.1": SideCounts(train=5), "MIT": SideCounts(train=1)})
    assert "4 rows come from code whose licence was not recognised" in licence_line(
        {"unknown (LICENSE)": SideCounts(train=4)}
    )


def test_the_picture_is_a_picture_and_the_same_each_time(tmp_path):
    from matplotlib.image import imread

    made = composition_of(("train", example()), ("validation", example(language="go", source="t")))
    many = {f"source {n}": SideCounts(train=n) for n in range(1, 40)}
    for name, whole in (("a", summary(made)), ("b", summary(made)), ("c", summary(made, sources=many, lengths={}))):
        plot.draw(whole, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert imread(tmp_path / "c", "png").std() > 0.05


def test_the_picture_of_nothing_is_drawn_too(tmp_path):
    nothing = summary(composition_of(), subsets={}, beside=SideCounts(), lengths={})
    plot.draw(nothing, tmp_path / "a")
    assert (tmp_path / "a").stat().st_size > 1000


def test_every_reason_is_shown_with_its_meaning():
    counts = dict.fromkeys(DROP_REASONS, 1)
    text = card(summary(composition_of(("train", example())), dropped=counts), {})
    assert all(f"| {reason} | 1 | {meaning} |" in text for reason, meaning in DROP_REASONS.items())


def test_a_bar_says_what_is_there_and_what_is_requested():
    assert [plot.counted(*n) for n in ((12, 0), (2, 3), (0, 3), (0, 0))] == [
        "12",
        "2 (+3 requested)",
        "(3 requested)",
        "0",
    ]


def test_the_card_says_which_benchmarks_functions_were_run_against_and_what_they_solve():
    text = card(summary(composition_of(("train", example()))), {})
    assert "Level 3 ran 40 different Python functions" in text
    assert "| humaneval | 164 | 3 | 0 |" in text


def test_the_card_says_why_functions_were_not_run():
    skipped = BehaviourCounts(setting="report", skipped="this machine can't isolate programs (no namespaces)")
    text = card(summary(composition_of(("train", example())), behaviour=skipped), {})
    assert "did **not** run: this machine can't isolate programs (no namespaces)." in text
    assert "Level 3 ran" not in text
