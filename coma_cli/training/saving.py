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
from coma_cli.training.distributed import sharding
from coma_cli.training.distributed.team import ALONE, Team

_STATE_FILES = ("optimizer.pt", "scheduler.pt")
_RETRY = "Check the disk; then run the same command again."


class CheckpointSaver(TrainingCallback):
    """Marks checkpoints as complete, and only then removes those that are no longer needed.

    A checkpoint is saved and read back after the first step, so that a save that fails shows in seconds. `best_step`
    tells which other one is to be kept. Each process of a team writes its random state; then rank 0 does all this.
    """

    def __init__(self, fingerprint: str, limit: int, best_step: Callable[[], int | None], team: Team = ALONE) -> None:
        self._fingerprint = fingerprint
        self._limit = limit
        self._best_step = best_step
        self._team = team

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save after the first step."""
        if state.global_step == 1:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark it, read the first one back, remove others."""
        folder = Path(args.output_dir)
        path = folder / f"checkpoint-{state.global_step}"
        self._team.wait()
        if state.global_step == 1 and not self.trainer.is_deepspeed_enabled:  # its files are DeepSpeed's own
            self._read_back(path)
        if not self._team.leads:
            return
        checkpoints.mark_complete(path, self._fingerprint)
        checkpoints.retain(folder, last=self._limit, also=self._best_step())

    def _read_back(self, path: Path) -> None:
        """Rank 0 compares the weights that are whole; of sharded ones, each process its part."""
        sharded = sharding.is_trained_sharded(self.trainer.model)
        if self._team.leads or sharded:
            read_back(path, self.trainer.model, _random_state(self._team), sharded=sharded)


def _random_state(team: Team) -> str:
    return "rng_state.pth" if team.size == 1 else f"rng_state_{team.number}.pth"


def read_back(path: Path, model: Any, random_state: str = "rng_state.pth", *, sharded: bool = False) -> None:
    """Check that a checkpoint can be read, and that its weights are those of the model that it was saved of.

    Raises:
        CliError: it can't be resumed from.
    """
    shards = sorted(path.glob("*.safetensors"))
    try:
        differs = sharding.difference(path, model) if sharded else None
        stored = {} if sharded else {name: tensor for shard in shards for name, tensor in load_file(shard).items()}
        for name in (*_STATE_FILES, random_state):
            torch.load(path / name, map_location="cpu", weights_only=False)  # written by this process
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise CliError(f"The first checkpoint can't be read back: {error}", _RETRY) from error
    if differs is not None:
        raise CliError(f"The first checkpoint holds other values of {differs} than the model.", _RETRY)
    if sharded:
        return
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
