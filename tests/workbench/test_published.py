import pytest

from coma_cli.jsonl import read_json
from coma_cli.workbench import published
from coma_cli.workbench.recipes import Place, PublishedFigure
from coma_cli.workbench.step_report import StepReport
from tests.requirements import package

FIGURES = [
    PublishedFigure(model="LLaMA", score="base", percent={1: 9.7, 100: 12.8}, source="A README"),
    PublishedFigure(model="Tuned", score="tuned", percent={1: 30}, source="A README", withdrawn=True),
]


def scored(name, value, ci95, **more):
    at = {"1": {"value": value, "ci95": ci95}, "10": {"value": None, "ci95": None}}
    summary = {"bench": "humaneval", "pass_at_k": at, "problems": 164, "bench_problems": 164, **more}
    return StepReport("score", name, summary, 1.0)


def rows(base, tuned=None, scale="full", tmp=None):
    reports = [base, tuned or scored("tuned", 0.1, [0.05, 0.2])]
    return published.repeated(FIGURES, reports, Place(tmp, scale))


@pytest.mark.parametrize(
    ("value", "ci95", "verdict"),
    [
        (0.10, [0.06, 0.15], "agrees"),
        (0.05, [0.02, 0.097], "agrees"),
        (0.05, [0.02, 0.0969], "lower here"),
        (0.20, [0.15, 0.25], "higher here"),
    ],
)
def test_a_published_figure_agrees_if_it_lies_within_the_interval(value, ci95, verdict, tmp_path):
    first, large_k, tuned = rows(scored("base", value, ci95), tmp=tmp_path)
    assert (first.k, first.published, first.value, first.verdict) == (1, pytest.approx(0.097), value, verdict)
    assert (large_k.k, large_k.value, large_k.verdict) == (100, None, "not measured")
    assert tuned.verdict == "lower here (withdrawn later)"


def test_some_problems_and_another_model_are_not_compared(tmp_path):
    some = scored("base", 0.1, [0.05, 0.2], problems=12, partial=True)
    assert rows(some, tmp=tmp_path)[0].verdict == "12 problems of 164: not comparable"
    tiny = [scored(f"{name}-tiny", 0.1, [0.05, 0.2]) for name in ("base", "tuned")]
    verdicts = {row.verdict for row in published.repeated(FIGURES, tiny, Place(tmp_path, "tiny"))}
    assert verdicts == {"another model: not comparable", "another model: not comparable (withdrawn later)"}


def test_the_table_names_figures_intervals_and_sources(tmp_path, capsys):
    published.show(rows(scored("base", 0.1, [0.06, 0.15]), tmp=tmp_path))
    shown = " ".join(capsys.readouterr().out.split())
    assert "9.7" in shown and "10.0 [6.0, 15.0]" in shown and "humaneval pass@1" in shown
    assert shown.count("Published: A README.") == 1


def test_figures_and_chart_are_written(tmp_path):
    package("matplotlib", "train")
    paths = published.save(rows(scored("base", 0.1, [0.06, 0.15]), tmp=tmp_path), tmp_path / "out")
    assert [path.name for path in paths] == ["published.json", "published.png"]
    assert read_json(paths[0])[0]["verdict"] == "agrees"
    assert paths[1].read_bytes().startswith(b"\x89PNG")
