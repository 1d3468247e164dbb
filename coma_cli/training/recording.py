"""Appends the metrics of each step, shows them, and stops where training has diverged.

Import it inside functions: it needs the train extra.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from coma_cli.console import Ticker
from coma_cli.errors import CliError
from coma_cli.journal import Journal
from coma_cli.training.callbacks import AfterStep, TrainingCallback
from coma_cli.training.job import TuningJob
from coma_cli.training.metrics import Speed, TrainingStep, perplexity
from coma_cli.words import shortened
from coma_cli.workspace import Run

# A scaler that starts at 65,536 halves itself at each skip: after 16 of them its scale is 1, and more do not help.
MOST_SKIPS_IN_A_ROW = 25
_NAMED_ROWS = 300  # characters


class StepRecorder(TrainingCallback):
    """Counts steps, appends their metrics, and stops at the first loss that is not finite.

    In float16 the scaler skips steps whose gradients overflow, by design: those are counted, and only many in a row
    are an error.
    """

    def __init__(
        self,
        run: Run,
        metrics: Journal[TrainingStep],
        ticker: Ticker,
        job: TuningJob,
        found: AfterStep,
        report: Callable[[TrainingStep], None],
    ) -> None:
        self._run = run
        self._journal = metrics
        self._ticker = ticker
        self._job = job
        self._found = found
        self._report = report
        self._speed = Speed()
        self._began = time.monotonic()
        self._took = 0.0
        self._skipped = False
        self._skips = _skips_at_the_end(metrics)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note when the step began."""
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        """Count the step."""
        self._took = time.monotonic() - self._began
        self._skipped = bool(getattr(optimizer, "step_was_skipped", False))
        self._skips = self._skips + 1 if self._skipped else 0
        self._run.count_work()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Append the step's row, and show its figures."""
        state.log_history.clear()  # the journal has it; every checkpoint would carry all of it again
        if not logs or "loss" not in logs:
            return
        loss, norm, step = float(logs["loss"]), float(logs.get("grad_norm") or 0.0), state.global_step
        self._require_finite(step, loss, norm)
        row = TrainingStep(
            step=step,
            loss=loss,
            perplexity=perplexity(loss),
            learning_rate=float(logs["learning_rate"]),
            gradient_norm=norm if math.isfinite(norm) else None,
            tokens=self._job.tokens_of(step),
            wall_s=round(self._took, 4),
            skipped=self._skipped,
            **self._found.take(),
        )
        self._journal.append(row)
        self._ticker.advance(live=f"loss {loss:.4f}, {self._speed.of(row.tokens, self._took):,.0f} tokens/s")
        self._report(row)

    def _require_finite(self, step: int, loss: float, norm: float) -> None:
        """Stop at a loss, or at a gradient that was applied, that is not finite.

        Raises:
            CliError: with the step and its rows; nothing is saved after this, so the last checkpoint is a good one.
        """
        rows = shortened(", ".join(self._job.rows_of(step)), _NAMED_ROWS)
        if not math.isfinite(loss) or (not math.isfinite(norm) and not self._skipped):
            raise CliError(
                f"Training diverged at step {step}: loss {loss}, gradient norm {norm}. Its rows: {rows}. "
                "The last good checkpoint is kept.",
                "Lower --learning-rate, add --set optimizer.warmup_steps=20, or compute in --dtype float32.",
            )
        if self._skips >= MOST_SKIPS_IN_A_ROW:
            raise CliError(
                f"Training diverged at step {step}: the gradients of {self._skips} steps in a row overflowed in "
                f"float16. The rows of the last one: {rows}.",
                "Compute in --dtype bfloat16 or float32, or lower --learning-rate.",
            )


def _skips_at_the_end(metrics: Journal[TrainingStep]) -> int:
    count = 0
    for row in metrics.rows():
        count = count + 1 if row.skipped else 0
    return count
