"""Trackio: its own store on this machine, shown by `trackio show`.

Import it inside functions: it needs the package trackio.
"""

import os
import secrets
from collections.abc import Mapping
from typing import Any

from coma_cli.training.reporting.tracker import PROJECT, End, ReportedRun

NAME = "trackio"


class TrackioTracker:
    """One run by its name, which a resumed one continues."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of a step."""
        self._run.log(dict(figures), step=step)

    def close(self, _: End) -> None:
        """Send what is waiting."""
        self._run.finish()


def start(run: ReportedRun) -> TrackioTracker:
    """Open the run, or the one of an earlier start."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import trackio

    own = run.earlier_id(NAME) or f"{run.name}-{secrets.token_hex(4)}"
    run.keep_id(NAME, own)
    opened = trackio.init(
        project=os.environ.get("TRACKIO_PROJECT", PROJECT),
        name=own,
        config=run.parameters(),
        resume="allow",
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    return TrackioTracker(opened)
