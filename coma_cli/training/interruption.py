"""Ctrl-C and SIGTERM during training: the step is finished, a checkpoint is saved, and the command ends.

Import it inside functions: it needs the train extra.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coma_cli import INTERRUPTED, console
from coma_cli.errors import CliError, InterruptedByUserError, TerminatedError
from coma_cli.training.callbacks import TrainingCallback
from coma_cli.training.distributed.team import ALONE, Team


class Interruption(TrainingCallback):
    """Stops after the present step, with a checkpoint, once a signal has come to this process or to another one."""

    def __init__(self, team: Team = ALONE) -> None:
        self.signal: int | None = None
        self._team = team

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop, if a signal has come."""
        self.signal = self._team.largest(self.signal or 0) or None
        if self.signal is not None:
            control.should_save = control.should_training_stop = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch both signals once; the second one ends the process at once, as usual.

        A launcher sends its processes several, and ends them itself if they take long: there all are caught. Signals
        can be caught in the main thread only; elsewhere they do what they would do without this.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, _: Any) -> None:
            self.signal = number
            if self._team.size > 1:
                return
            console.note("Saving a checkpoint after this step; once more to stop at once")
            for caught, handler in before.items():
                signal.signal(caught, handler)

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def error(self) -> CliError | None:
        """The error to end with, None if no signal has come."""
        if self.signal is None:
            return None
        if self.signal == signal.SIGTERM:
            return TerminatedError("Terminated; a checkpoint was saved.", INTERRUPTED[1])
        return InterruptedByUserError("Interrupted; a checkpoint was saved.", INTERRUPTED[1])
