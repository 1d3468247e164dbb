import socket

import pytest

from tests.requirements import package
from tests.training.reporting.trackers import reported


@pytest.fixture
def store(tmp_path, monkeypatch):
    package("mlflow", "trackers")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, {"MLFLOW_DISABLE_TELEMETRY": "true"}.get(name, "1"))
    return tmp_path


def runs(tracker):
    """The runs of the experiment."""
    client = tracker.client
    (experiment,) = [found for found in client.search_experiments() if found.name == "coma"]
    return client.search_runs([experiment.experiment_id])


@pytest.mark.slow
def test_a_run_in_the_workspace_is_continued_by_its_id(store):
    from coma_cli.training.reporting import to_mlflow

    first = to_mlflow.start(reported(store))
    first.log(1, {"train/loss": 2.0})
    first.close("interrupted")
    (run,) = runs(first)
    assert (run.info.run_name, run.info.status) == ("run", "KILLED")
    assert run.data.params == {"mode": "lora", "lora.r": "4", "lora.target_modules": "['a', 'b']"}
    second = to_mlflow.start(reported(store, after=1))
    second.log(2, {"train/loss": 1.0})
    second.close("finished")
    (run,) = runs(second)
    assert run.info.status == "FINISHED" and run.data.metrics == {"train/loss": 1.0}
    history = second.client.get_metric_history(run.info.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 2.0), (2, 1.0)]
    assert {path.name for path in store.iterdir()} & {"mlruns", "mlflow.db"}


@pytest.mark.slow
def test_a_store_that_no_longer_has_the_run_gets_a_new_one(store):
    from coma_cli.training.reporting import to_mlflow

    run = reported(store)
    run.keep_id("mlflow", "0" * 32)
    tracker = to_mlflow.start(run)
    assert len(runs(tracker)) == 1 and run.earlier_id("mlflow") == runs(tracker)[0].info.run_id


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_a_warning_within_seconds(store, monkeypatch, capsys):
    from coma_cli.training.reporting.reports import reporting

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with reporting(["mlflow"], reported(store)):
            pass
    assert "mlflow failed and gets no more metrics" in capsys.readouterr().err
