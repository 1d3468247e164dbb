"""What is kept of every training step."""

from coma_cli.records import Record


class TrainingStep(Record):
    """One optimizer step: mean loss over its answer tokens, the learning rate it was made with, tokens it saw."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    wall_s: float = 0.0

    @property
    def key(self) -> str:
        return str(self.step)
