from typing import get_args

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.metrics.measures import MEASURES
from coma_cli.records import Measure


def test_every_measure_has_metrics_and_every_task_a_measure():
    assert set(MEASURES) == set(get_args(Measure))
    assert {task.measure for task in TASKS.values()} <= set(MEASURES)


def test_no_measure_has_two_metrics_of_one_name():
    assert all(len({metric.name for metric in metrics}) == len(metrics) for metrics in MEASURES.values())
