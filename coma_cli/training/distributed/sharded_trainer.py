"""The trainer of a model whose weights are sharded: checkpoints are gathered and dealt out again.

Import it inside functions: it needs the train extra.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from coma_cli.training.distributed import sharding
from coma_cli.training.trainer import AnswerTrainer


class ShardedTrainer(AnswerTrainer):
    """Trains a model that `sharding.shard` has spread over a team.

    Trainable weights that stayed whole, those of an adapter, get the mean of all gradients before each step.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trained_sharded = sharding.is_trained_sharded(self.model)
        self.is_distributed_loading_by_transformers = True  # keeps accelerate from wrapping the model again

    def _move_model_to_device(self, model: Any, device: Any) -> None:
        """It is there already, and sharded weights can't be moved."""

    def _sync_replicated_trainable_parameters(self, model: Any) -> None:
        """Whole weights start as those of rank 0."""
        with torch.no_grad():
            for weight in self._whole(model):
                dist.broadcast(weight.data, src=0)

    @staticmethod
    def _whole(model: Any) -> list[Any]:
        return [w for w in model.parameters() if w.requires_grad and not isinstance(w, DTensor)]

    def _defer_fsdp_gradient_reduction(self) -> Any:
        """Gradients are reduced after each batch, so that they are sharded too while they add up."""
        return nullcontext()

    def training_step(self, model: Any, *arguments: Any, **options: Any) -> Any:
        """One batch; after the last one of a step the gradients of whole weights are averaged, all in one message."""
        loss = super().training_step(model, *arguments, **options)
        if self.accelerator.sync_gradients and (weights := self._whole(model)):
            for weight in weights:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
            together = torch.cat([weight.grad.flatten() for weight in weights])
            dist.all_reduce(together)
            together /= dist.get_world_size()
            for weight, mean in zip(weights, together.split([w.numel() for w in weights]), strict=True):
                weight.grad.copy_(mean.view_as(weight.grad))
        return loss

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Gather the weights, one by one, and have rank 0 write them."""
        weights = None
        if self._trained_sharded:
            weights = sharding.whole_weights(self.model, keep=self.args.should_save)
        if self.args.should_save:
            self._save(output_dir, state_dict=weights)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self._trained_sharded:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = sharding.whole_state(self.optimizer.state_dict(), keep=self.args.should_save)
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._trained_sharded:
            sharding.load_weights(Path(resume_from_checkpoint), self.model)
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self._trained_sharded or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        stored = torch.load(Path(checkpoint) / OPTIMIZER_NAME, map_location="cpu", mmap=True, weights_only=True)
        self.optimizer.load_state_dict(sharding.parts_of_state(stored, self.optimizer))
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER_NAME, weights_only=True))
