"""TensorBoard: event files in the run's folder.

Import it inside functions: it needs torch and the package tensorboard.
"""

from collections.abc import Mapping

from torch.utils.tensorboard import SummaryWriter

from coma_cli.training.reporting.tracker import End, ReportedRun

FOLDER = "tensorboard"


class TensorBoardTracker:
    """Event files of one run; a later start adds a file, which hides what an earlier one wrote of later steps."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of a step."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self, _: End) -> None:
        """Close the file."""
        self._writer.close()


def start(run: ReportedRun) -> TensorBoardTracker:
    """Open a file for the steps to come."""
    place = str(run.folder / FOLDER)
    writer = SummaryWriter(place, purge_step=run.after + 1 if run.after else None)
    table = "".join(f"    {name}: {value}\n" for name, value in run.parameters().items())
    writer.add_text("settings", table, run.after)
    return TensorBoardTracker(writer)
