"""What tests of trackers share: a run to report, and its figures."""

from pathlib import Path

from coma_cli.training.reporting.tracker import ReportedRun


def reported(folder: Path, after: int = 0) -> ReportedRun:
    """A run in a workspace, of which some steps are made already."""
    run = folder / "finetune" / "run"
    run.mkdir(parents=True, exist_ok=True)
    return ReportedRun("run", run, folder, after, {"mode": "lora", "lora": {"r": 4, "target_modules": ["a", "b"]}})


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by name, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder))
    read.Reload()
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
