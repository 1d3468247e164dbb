"""The validation loss during training, and stopping early.

Import it inside functions: it needs the train extra.
"""

import math
from collections.abc import Sequence
from typing import Any

from coma_cli import console
from coma_cli.errors import CliError
from coma_cli.training.batching import collate
from coma_cli.training.callbacks import AfterStep, TrainingCallback, evaluating
from coma_cli.training.distributed.team import ALONE, Team
from coma_cli.training.encoding import NO_LABEL, EncodedRow
from coma_cli.training.metrics import BestStep, perplexity
from coma_cli.training.settings import ValidationBlock


class Validation(TrainingCallback):
    """Validates every so many steps and after the last one; keeps count of the best step.

    The batches are shared by a team, which finds the same loss. With `keep_best` the best step is saved. After
    `patience` validations without a lower loss training stops.
    """

    def __init__(
        self,
        settings: ValidationBlock,
        rows: Sequence[EncodedRow],
        batch_size: int,
        found: AfterStep,
        best: BestStep | None,
        team: Team = ALONE,
    ) -> None:
        self._settings = settings
        by_length = sorted(rows, key=lambda row: (len(row.ids), row.id))
        batches = [by_length[i : i + batch_size] for i in range(0, len(by_length), batch_size)]
        batches += [[]] * (-len(batches) % team.size)  # all have equally many: sharded weights are gathered together
        self._batches = batches[team.number :: team.size]
        self._team = team
        self._found = found
        self.best = best

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validate, if it is time."""
        if state.global_step % self._settings.every and state.global_step < state.max_steps:
            return
        loss = self.loss()
        if not math.isfinite(loss):
            raise CliError(
                f"Training diverged at step {state.global_step}: validation loss {loss}.",
                "Lower --learning-rate; the last good checkpoint is kept.",
            )
        self._found.fields |= {"validation_loss": loss, "validation_perplexity": perplexity(loss)}
        self._compare(loss, state.global_step, control)
        console.note(
            f"Step {state.global_step}: validation loss {loss:.4f}, perplexity {perplexity(loss):.3f}"
            + (" (best so far)" if self.best is not None and self.best.step == state.global_step else "")
        )

    def _compare(self, loss: float, step: int, control: Any) -> None:
        if self.best is None or loss < self.best.loss:
            self.best = BestStep(step=step, loss=loss, since=0)
            control.should_save = control.should_save or self._settings.keep_best
            return
        self.best = self.best.model_copy(update={"since": self.best.since + 1})
        if is_exhausted(self.best, self._settings.patience):
            console.note(f"Stopped early: no lower validation loss than {self.best.loss:.4f} of step {self.best.step}")
            control.should_save = control.should_training_stop = True

    def loss(self) -> float:
        """The mean loss over all answer tokens of the validation rows."""
        total = labels = 0.0
        with evaluating(self.trainer.model):
            for rows in self._batches:
                inputs = self.trainer._prepare_inputs(collate(rows))
                with self.trainer.compute_loss_context_manager():
                    total += float(self.trainer.compute_loss(self.trainer.model, inputs, num_items_in_batch=1))
                labels += float((inputs["labels"][:, 1:] != NO_LABEL).sum())
        total, labels = self._team.sums(total / self.trainer.loss_scale, labels)
        return total / max(labels, 1.0)


def is_exhausted(best: BestStep | None, patience: int | None) -> bool:
    """Whether training has stopped early: there were `patience` validations since the best one."""
    return best is not None and patience is not None and best.since >= patience
