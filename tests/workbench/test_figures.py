import pytest

from coma_cli.workbench.figures import figures_of, line_of

PASS = {"value": 0.5, "ci95": [0.25, 0.75], "method": "exact"}


@pytest.mark.parametrize(
    ("command", "summary", "manifest", "line"),
    [
        ("build-data", {"rows": {"train": 20, "validation": 3}}, {}, "train 20, validation 3 rows"),
        (
            "gen-instructions",
            {"train": 20, "validation": 3, "usd": 1.239},
            {"cost_usd": None},
            "train 20, validation 3 rows, $1.24",
        ),
        (
            "finetune",
            {"mode": "lora", "rows_trained_on": 12, "steps": 4, "last_loss": 0.43, "best": {"step": 2, "loss": 1.5}},
            {},
            "lora, 12 rows, 4 steps, loss 0.43, validation loss 1.5",
        ),
        (
            "merge-lora",
            {"dtype": "float32", "greedy_agreement": 0.999},
            {},
            "float32, 99.90 % of greedy choices equal",
        ),
        (
            "sample",
            {"bench": "humaneval", "model": "m", "n": 2, "problems": 3, "samples": 6},
            {"cost_usd": 0.5, "to_do_over": 2},
            "humaneval, n = 2, 3 problems, 6 samples, $0.50, 2 rows to do over",
        ),
        (
            "score",
            {"bench": "mbpp", "problems": 3, "n_min": 2, "pass_at_k": {"1": PASS}, "results": [{}]},
            {},
            "mbpp, 3 problems, n = 2, pass@1 50.0 % [25.0, 75.0]",
        ),
        (
            "score",
            {"bench": "mbpp", "problems": 3, "n_min": 0, "results": [], "references": {"checked": 3, "passed": 2}},
            {},
            "mbpp, 3 problems, references checked: 3, 2 pass",
        ),
        (
            "score",
            {
                "bench": "validation",
                "rows": 9,
                "resamples": 1000,
                "results": [
                    {"task": t, "language": language, "metrics": [{"metric": "chrf", **PASS}]}
                    for t in ("a", "b", "c")
                    for language in (None, "python")
                ],
            },
            {},
            "validation, 9 rows, a chrf 50.0 % [25.0, 75.0]; b chrf 50.0 % [25.0, 75.0]; 1 more tasks",
        ),
    ],
)
def test_the_main_figures_of_each_command(command, summary, manifest, line):
    assert line_of(figures_of(command, summary, manifest)) == line


@pytest.mark.parametrize(
    "summary",
    [
        {},
        {"rows": "x", "mode": 4, "rows_trained_on": "many", "last_loss": None, "best": 3, "steps": True},
        {"pass_at_k": {"1": {"value": None}}, "results": [{}], "last_loss": float("nan"), "usd": float("inf")},
        {"pass_at_k": [], "results": 3, "resamples": 3, "references": None},
        {
            "resamples": 3,
            "results": [3, {"metrics": []}, {"metrics": [{}]}, {"metrics": [{"value": "x"}]}, {"metrics": 3}],
        },
        {"pass_at_k": {"1": 3}, "greedy_agreement": [], "bench": 3},
    ],
)
@pytest.mark.parametrize(
    "command", ["build-data", "gen-instructions", "finetune", "merge-lora", "sample", "score", "of another version"]
)
def test_fields_of_another_form_are_skipped(command, summary):
    assert line_of(figures_of(command, summary, {"cost_usd": "much", "to_do_over": None})) == ""


def test_an_estimate_without_an_interval_is_shown_without():
    found = figures_of("score", {"pass_at_k": {"1": {"value": 0.5, "ci95": [1]}}}, {})
    assert line_of(found) == "pass@1 50.0 %"
