"""The tables at the end of a recipe, from real score runs."""

import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.workbench.overview import show_overview
from coma_cli.workbench.step_report import StepReport
from tests.evaluation.sampled import HUMANEVAL, right, sample, sample_run
from tests.evaluation.score_command import Coma

LINES = [f"return value_{number}" for number in range(12)]
HELD_OUT = [
    problem_of(
        {"id": f"row-{n}", "task": "line-completion", "instruction": "Go on.", "output": line, "language": "python"}
    )
    for n, line in enumerate(LINES)
]
SHORT = [problem for problem in HUMANEVAL if problem.task_id in ("HumanEval/23", "HumanEval/53")]


@pytest.fixture
def coma(tmp_path, capsys) -> Coma:
    return Coma(tmp_path, capsys)


def scored(coma: Coma, name: str, bench: str, samples, problems) -> StepReport:
    run = sample_run(coma.workspace.root, samples, problems, name=name, bench=bench, model=name)
    summary = coma("--bench", bench, "--samples", run.path, "--name", name)
    return StepReport("score", name, summary, 1.0, coma.workspace.root / "score" / name)


def shown(capsys, reports) -> str:
    capsys.readouterr()
    show_overview("T", reports)
    return capsys.readouterr().out


def test_held_out_rows_and_problems_are_compared_with_the_difference_last(coma, capsys):
    answers = {"base": LINES[:2], "tuned": LINES[:9]}
    reports = []
    for name, known in answers.items():
        given = [sample(f"row-{n}", 0, line if line in known else "no", 0.0) for n, line in enumerate(LINES)]
        reports.append(scored(coma, f"{name}-validation", "validation", given, HELD_OUT))
    for name, passing in (("base", SHORT), ("tuned", SHORT[:1])):
        texts = [sample(p.task_id, 0, right(p) if p in passing else "    return 7\n") for p in SHORT]
        reports.append(scored(coma, f"{name}-humaneval", "humaneval", texts, SHORT))
    text = " ".join(shown(capsys, reports).split())
    assert "validation, 12 held-out rows" in text
    assert "tuned - base" in text and "base-validation │" not in text.split("12 held-out rows")[1]
    assert "│ line-completion 12 │ │ │ │ │ exact match │ 16.7 [0, 42] │" in text
    assert "│ +58.3 [+19.9, +80.7] │" in text
    assert "humaneval, 2 problems" in text and "│ pass@1 │ 100.0 [" in text and "│ -50.0 [-90.5, +48.6] │" in text
    assert "2 problems of the 164 of humaneval are a subset, chosen once: this is not a humaneval score." in text


def test_one_run_has_no_difference_and_neither_has_one_whose_samples_are_gone(coma, capsys):
    reports = [
        scored(coma, name, "validation", [sample("row-0", 0, text, 0.0)], HELD_OUT[:1])
        for name, text in (("a", LINES[0]), ("b", "no"))
    ]
    assert "b - a" in shown(capsys, reports)
    assert " - " not in shown(capsys, reports[:1])
    for name in ("a", "b"):
        assert "b - a" in shown(capsys, reports), "the rows of either run do"
        (coma.workspace.root / "sample" / name / "problems.jsonl").unlink()
    assert "b - a" not in shown(capsys, reports)
