import sys

import pytest

from coma_cli.errors import InterruptedByUserError, MissingPackageError
from coma_cli.jsonl import read_json, write_rows
from coma_cli.settings import load_settings
from coma_cli.training.metrics import ProbeResult, TrainingStep
from coma_cli.training.reporting import to_mlflow
from coma_cli.training.reporting.reports import Reports, blockers, reporting
from coma_cli.training.reporting.tracker import ReportedRun, figures_of
from coma_cli.training.settings import FinetuneSettings
from tests.requirements import package
from tests.training.bench import ROWS, Bench
from tests.training.reporting.trackers import reported, scalars


def step(number, **fields):
    values = {"loss": 2.0, "learning_rate": 1e-3, "gradient_norm": 0.5, "tokens": 100, "wall_s": 0.5, **fields}
    return TrainingStep(step=number, **values)


class Recording:
    """A tracker that remembers; from its `fails_at`th call on it is broken."""

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = [], fails_at

    def _take(self, call):
        sys.stdout.write("a line that a tracker prints\n")
        self.calls.append(call)
        if self.fails_at is not None and len(self.calls) >= self.fails_at:
            raise ConnectionError("the server\nwent away")

    def log(self, step, figures):
        self._take((step, figures["train/loss"]))

    def close(self, end):
        self._take(end)


def test_a_tracker_that_fails_in_mid_run_is_dropped_with_one_warning_and_the_others_go_on(capsys):
    broken, good = Recording(fails_at=2), Recording()
    reports = Reports({"broken": broken, "good": good})
    for number in (1, 2, 3):
        reports.log(step(number))
    reports.close("finished")
    assert broken.calls == [(1, 2.0), (2, 2.0)]
    assert good.calls == [(1, 2.0), (2, 2.0), (3, 2.0), "finished"]
    printed, told = capsys.readouterr()
    assert printed == "" and "a line that a tracker prints" in told, "stdout is for results"
    assert told.count("Warning: broken failed and gets no more metrics: the server went away.") == 1


def test_one_that_cannot_end_its_run_is_a_warning_too(capsys):
    Reports({"broken": Recording(fails_at=1)}).close("finished")
    assert "broken failed" in capsys.readouterr().err


def test_one_that_cannot_start_is_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "trackio", None)  # as if it were not installed
    with reporting(["trackio"], reported(tmp_path)) as reports:
        reports.log(step(1))
    assert "trackio failed and gets no more metrics" in capsys.readouterr().err


def test_of_several_processes_only_the_first_reports(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "trackio", None)
    launched = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "x", "MASTER_PORT": "1"}
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    with reporting(["trackio"], reported(tmp_path)):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("RANK", "0")
    with reporting(["trackio"], reported(tmp_path)):
        pass
    assert "trackio failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (None, "finished"),
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (InterruptedByUserError("m", "h"), "interrupted"),
    ],
)
def test_trackers_are_told_how_training_ended(tmp_path, error, end):
    tracker = Recording()
    opened = reporting([], reported(tmp_path), {"tracker": tracker})
    if error is None:
        with opened:
            pass
    else:
        with pytest.raises(type(error)), opened:
            raise error
    assert tracker.calls == [end]


def test_what_is_not_installed_is_an_error_with_the_pip_line(monkeypatch):
    for module in ("tensorboard", "wandb", "trackio", "mlflow"):
        monkeypatch.setitem(sys.modules, module, None)
    found = blockers(["tensorboard", "wandb", "trackio", "mlflow"])
    assert all(isinstance(error, MissingPackageError) for error in found)
    assert [error.hint.removeprefix("pip install ") for error in found] == [
        "tensorboard",
        "wandb",
        "trackio",
        "mlflow-skinny",
    ]
    assert "--report-to mlflow needs the package mlflow-skinny" in found[-1].message


def test_the_figures_of_a_step():
    row = step(
        3,
        perplexity=7.0,
        validation_loss=1.5,
        validation_perplexity=4.5,
        probe=ProbeResult(rows=4, ended=0.75, metrics={"bleu": 0.25}),
    )
    assert figures_of(row) == {
        "train/loss": 2.0,
        "train/perplexity": 7.0,
        "train/learning_rate": 1e-3,
        "train/gradient_norm": 0.5,
        "train/tokens_per_s": 200.0,
        "validation/loss": 1.5,
        "validation/perplexity": 4.5,
        "probe/ended": 0.75,
        "probe/bleu": 0.25,
    }
    assert "train/gradient_norm" not in figures_of(step(1, gradient_norm=None)), "overflowed in float16"


def test_settings_are_told_by_dotted_names_and_ids_are_kept(tmp_path):
    run = reported(tmp_path)
    assert run.parameters() == {"mode": "lora", "lora.r": 4, "lora.target_modules": "['a', 'b']"}
    assert run.earlier_id("wandb") is None
    run.keep_id("wandb", "abc")
    run.keep_id("mlflow", "def")
    assert (run.earlier_id("wandb"), reported(tmp_path).earlier_id("mlflow")) == ("abc", "def")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("wandb,tensorboard", ["wandb", "tensorboard"]), ("none", []), ("mlflow,mlflow", ["mlflow"])],
)
def test_several_may_be_named_and_none_is_nobody(given, kept):
    settings = load_settings(FinetuneSettings, flags={"runtime.report_to": given.split(",")})
    assert settings.runtime.report_to == kept
    assert settings.identity() == FinetuneSettings().identity(), "whoever watches, it is the same run"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_training_that_is_killed_and_resumed_is_one_run_in_every_tracker(tmp_path, tiny_model, monkeypatch):
    for name in ("tensorboard", "wandb", "mlflow"):
        package(name, "trackers")
    for name in ("WANDB_API_KEY", "WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    write_rows(tmp_path / "rows.jsonl", ROWS)
    bench = Bench(tmp_path / "ws", tiny_model, tmp_path / "rows.jsonl")
    watched = {"runtime__report_to": ["tensorboard", "wandb", "mlflow"], "validation__data": "0.2"}
    with pytest.raises(KeyboardInterrupt):
        bench(kill_after=5, **watched)
    manifest = bench(**watched)
    folder, losses = bench.folder(), bench.losses()
    assert [step for step, _ in scalars(folder / "tensorboard")["train/loss"]] == [1, 2, 3, 4, 5, 6]
    assert [value for _, value in scalars(folder / "tensorboard")["train/loss"]] == pytest.approx(losses, rel=1e-6)
    assert [step for step, _ in scalars(folder / "tensorboard")["validation/loss"]] == [6]
    assert len({path.name.rpartition("-")[2] for path in (folder / "wandb").glob("offline-run-*")}) == 1
    client = to_mlflow.client_for(reported_of(bench))
    run = client.get_run(read_json(folder / "trackers.json")["mlflow"])
    assert (run.info.status, run.data.params["lora.r"]) == ("FINISHED", "4")
    assert run.data.metrics["train/loss"] == pytest.approx(losses[-1])
    assert manifest["outputs"].keys() == {"adapter", "metrics.jsonl", "dropped.jsonl"}
    assert bench(name="unwatched", validation__data="0.2")["content_sha256"] == manifest["content_sha256"]


def reported_of(bench):
    return ReportedRun("run", bench.folder(), bench.workspace.root, 0, {})
