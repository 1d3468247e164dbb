"""MLflow: the server of `MLFLOW_TRACKING_URI`, else a store in the workspace that all its runs share.

Import it inside functions: it needs the package mlflow or mlflow-skinny.
"""

import os
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from coma_cli.training.reporting.tracker import PROJECT, End, ReportedRun

NAME = "mlflow"
_STATUS: Mapping[End, str] = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_MOST_CHARACTERS = 500  # of a parameter, on older servers
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Its own defaults wait four minutes for a server that does not answer, and training with it.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class MlflowTracker:
    """One run of the experiment `coma` (or `MLFLOW_EXPERIMENT_NAME`), reopened by its id."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.client = client
        self._id = run_id

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(self._id, metrics=[Metric(name, value, now, step) for name, value in figures.items()])

    def close(self, end: End) -> None:
        """Set the run's status."""
        self.client.set_terminated(self._id, _STATUS[end])


def client_for(run: ReportedRun) -> Any:
    """A client of the user's server, or of a store in the workspace: a database if MLflow can make one."""
    place = run.shared.resolve()
    own = None
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        database = find_spec("sqlalchemy") is not None and find_spec("alembic") is not None
        own = f"sqlite:///{place / 'mlflow.db'}" if database else (place / "mlruns").as_uri()
        if not database:  # mlflow-skinny has none, and takes the older form of a store only where it is allowed
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=own)


def _reopened(client: Any, earlier: str | None) -> str | None:
    """The id of the run of an earlier start, if the store still has it."""
    from mlflow.exceptions import MlflowException

    if earlier is None:
        return None
    try:
        client.update_run(earlier, status="RUNNING")
    except MlflowException:
        return None
    return earlier


def _created(client: Any, run: ReportedRun) -> str:
    from mlflow.entities import Param

    wanted = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    experiment = client.get_experiment_by_name(wanted)
    number = experiment.experiment_id if experiment else client.create_experiment(wanted)
    created = str(client.create_run(number, run_name=run.name).info.run_id)
    run.keep_id(NAME, created)
    parameters = [Param(name, str(value)[:_MOST_CHARACTERS]) for name, value in run.parameters().items()]
    client.log_batch(created, params=parameters)
    return created


def start(run: ReportedRun) -> MlflowTracker:
    """Reopen the run of an earlier start, or create one."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    client = client_for(run)
    return MlflowTracker(client, _reopened(client, run.earlier_id(NAME)) or _created(client, run))
