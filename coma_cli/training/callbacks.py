"""What callbacks of the trainer share: the trainer itself, and what was found after a step.

Import it inside functions: it needs the train extra.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers

from coma_cli.training.loss import evaluation_mode


class TrainingCallback(transformers.TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """A callback that knows its trainer, which `trainer.train` sets before the first step."""

    trainer: Any = None


@dataclass
class AfterStep:
    """What is found after a step, to be written into its row: fields of `TrainingStep` by name."""

    fields: dict[str, Any] = field(default_factory=dict)

    def take(self) -> dict[str, Any]:
        """All fields, which are forgotten."""
        found, self.fields = self.fields, {}
        return found


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """A model without dropout and gradients, all random states restored afterwards: training goes on as if nothing was.

    Not in inference mode, whose tensors autocast would keep and the next step could not differentiate.
    """
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    try:
        with evaluation_mode(model):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.random.set_rng_state(states[2])
        if on_gpu is not None:
            torch.cuda.set_rng_state_all(on_gpu)
