"""The metrics of every training step."""

from coma_cli.records import Record


class TrainingStep(Record):
    """One optimizer step: mean loss over its answer tokens, its learning rate, its tokens."""

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    wall_s: float = 0.0

    @property
    def key(self) -> str:
        return str(self.step)
