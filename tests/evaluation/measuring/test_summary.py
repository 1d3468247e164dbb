from coma_cli.evaluation.measuring.groups import GroupResult, MetricResult
from coma_cli.evaluation.measuring.summary import MeasureSummary, headline, is_of_measures, show, title_of


def summary() -> dict:
    bleu = MetricResult(metric="codebleu", value=0.5, ci95=(0.4, 0.625), method="bootstrap", rows=3)
    undefined = MetricResult(metric="mrr", value=None, ci95=None, method=None, rows=0)
    common = {"task": "code-repair", "measure": "rewrite", "temperature": 0.0, "samples": 4, "neither_label": None}
    whole = GroupResult(language=None, rows=4, metrics=[bleu, undefined], **common)
    java = GroupResult(language="java", rows=2, metrics=[bleu], **common)
    labels = {**common, "task": "defect-detection", "measure": "labels", "neither_label": 2}
    f1 = MetricResult(metric="f1", value=1.0, ci95=(0.4, 1.0), method="exact", rows=4)
    return MeasureSummary(
        bench="validation",
        samples_from="s",
        rows=8,
        samples=8,
        resamples=2000,
        unranked=1,
        results=[whole, java, GroupResult(language=None, rows=4, metrics=[f1], **labels)],
    ).model_dump(mode="json")


def test_what_a_person_sees(capsys):
    show(summary())
    said = capsys.readouterr().out
    for words in ("code-repair", "java", "CodeBLEU", "50.00", "40.00 to 62.50", "F1", "2000 resamples"):
        assert words in said
    assert "2 answers are neither label" in said
    assert "1 reference has no data flow" in said
    assert "MRR is without 1 search row" in said


def test_one_line_names_the_first_metric_of_each_task():
    assert headline(summary()) == "validation, 8 rows: code-repair CodeBLEU 50.00 %; defect-detection F1 100.00 %"


def test_it_is_told_from_other_scores():
    assert is_of_measures(summary())
    assert not is_of_measures({"pass_at_k": {}})


def test_names_of_metrics():
    assert [title_of(name) for name in ("sentence-bleu", "exact-match")] == ["BLEU-4, smoothed", "exact match"]
