"""Checkpoints during training: the first after one step, which is read back, and which of them are kept.

Import it inside functions: it needs the train extra.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from coma_cli.errors import CliError
from coma_cli.training import checkpoints
from coma_cli.training.callbacks import TrainingCallback

_STATE_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
_RETRY = "Check the disk; then run the same command again."


class CheckpointSaver(TrainingCallback):
    """Marks checkpoints as complete, and only then removes those that are no longer needed.

    A checkpoint is saved and read back after the first step, so that a save that fails shows in seconds. `best_step`
    tells which other one is to be kept.
    """

    def __init__(self, fingerprint: str, limit: int, best_step: Callable[[], int | None]) -> None:
        self._fingerprint = fingerprint
        self._limit = limit
        self._best_step = best_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save after the first step."""
        if state.global_step == 1:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark it, read the first one back, remove others."""
        folder = Path(args.output_dir)
        path = folder / f"checkpoint-{state.global_step}"
        checkpoints.mark_complete(path, self._fingerprint)
        if state.global_step == 1:
            read_back(path, self.trainer.model)
        checkpoints.retain(folder, last=self._limit, also=self._best_step())


def read_back(path: Path, model: Any) -> None:
    """Check that a checkpoint can be read, and that its weights are those of the model that it was saved of.

    Raises:
        CliError: it can't be resumed from.
    """
    shards = sorted(path.glob("*.safetensors"))
    try:
        stored = {name: tensor for shard in shards for name, tensor in load_file(shard).items()}
        for name in _STATE_FILES:
            torch.load(path / name, map_location="cpu", weights_only=False)  # written by this process
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise CliError(f"The first checkpoint can't be read back: {error}", _RETRY) from error
    trained = _trained(model)
    absent = [name for name in trained if name not in stored]
    if not stored or absent:
        raise CliError(f"The first checkpoint lacks {', '.join(absent[:3]) or 'all weights'}.", _RETRY)
    for name, weight in trained.items():
        if not torch.equal(stored[name], weight.detach().cpu().to(stored[name].dtype)):
            raise CliError(f"The first checkpoint holds other values of {name} than the model.", _RETRY)


def _trained(model: Any) -> dict[str, Any]:
    """The trained weights by the names that they are stored under; those of tied layers once."""
    if hasattr(model, "peft_config"):
        import peft

        found: dict[str, Any] = peft.get_peft_model_state_dict(model)
        return found
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
