"""The loss on answers: hidden states are gathered by a mask before the head, so logits exist only where labels are.

Import it inside functions: it needs the train extra.

A hook on the head does the gathering, and the model's own forward does the rest. So whatever a model does to its
logits afterwards still happens (a soft cap as in Gemma, a scale as in Granite and Cohere), a head with LoRA matrices is
used as it is, and the forward passes of DDP, FSDP and peft are not bypassed. What a model does to the logits of one
position must not depend on other positions; `LabelledLogits.verify` tries that once, and falls back to all logits.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from coma_cli.errors import UsageError
from coma_cli.training.encoding import NO_LABEL

# Products of other shapes round differently: the largest difference that this explains, of the largest logit.
_TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def causal_model(model: Any) -> Any:
    """The causal language model inside wrappers: peft's, or those of several devices."""
    while True:
        if hasattr(model, "get_base_model"):
            model = model.get_base_model()
        elif hasattr(model, "module") and isinstance(model.module, torch.nn.Module):
            model = model.module
        else:
            return model


class LabelledLogits:
    """A model's logits at chosen positions only.

    `gathers` says whether they are gathered before the head; a model without a separate head computes all of them.
    """

    def __init__(self, model: Any) -> None:
        self._index: torch.Tensor | None = None
        inner = causal_model(model)
        head = inner.get_output_embeddings() if hasattr(inner, "get_output_embeddings") else None
        self.gathers = head is not None
        self._hook = None if head is None else head.register_forward_pre_hook(self._gather)

    def _gather(self, module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The head's input (batch, length, hidden) as (positions, hidden)."""
        if self._index is None or not arguments:
            return None
        hidden, *rest = arguments
        return (hidden.flatten(0, -2).index_select(0, self._index), *rest)

    @contextmanager
    def _only(self, index: torch.Tensor) -> Iterator[None]:
        self._index = index if self.gathers else None
        try:
            yield
        finally:
            self._index = None

    def __call__(self, model: Any, index: torch.Tensor, **inputs: Any) -> tuple[torch.Tensor, Any]:
        """Logits (positions, vocabulary) at `index`, which counts positions of the flattened batch; and all outputs."""
        with self._only(index):
            outputs = model(**inputs, use_cache=False)
        logits = outputs.logits
        if logits.dim() != 2:  # the head was bypassed
            logits = logits.flatten(0, -2).index_select(0, index)
        return logits, outputs

    def verify(self, model: Any, ids: torch.Tensor) -> str | None:
        """Compare gathered logits with the model's own on `ids` (1, length); if they differ, stop and say why."""
        if not self.gathers:
            return "This model has no separate head: all logits are computed."
        index = torch.arange(1, ids.shape[1], 2, device=ids.device)
        with evaluation_mode(model):
            logits, _ = self(model, index, input_ids=ids)
            own = model(input_ids=ids, use_cache=False).logits[0].index_select(0, index)
        if _equal(logits, own):
            return None
        self.stop()
        return "The logits of this model depend on other positions: all of them are computed, which takes more memory."

    def stop(self) -> None:
        """Compute all logits from now on."""
        self.gathers = False
        if self._hook is not None:
            self._hook.remove()


def require_apart(model: Any, rows: Sequence[Sequence[int]], device: Any) -> None:
    """Try with a few token ids of rows that a model whose positions restart treats them as rows of their own.

    Raises:
        UsageError: it does not: its attention crosses, or it keeps a state.
    """
    ids = torch.tensor([[token for row in rows for token in row]], device=device)
    positions = torch.cat([torch.arange(len(row), device=device) for row in rows]).unsqueeze(0)
    with evaluation_mode(model):
        together = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
        alone = [model(input_ids=torch.tensor([row], device=device), use_cache=False).logits[0] for row in rows]
    if not _equal(together, torch.cat(alone)):
        raise UsageError("Rows packed together would see each other in this model.", "--batching length")


@contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Without dropout and gradients.

    Layers of bitsandbytes stay in training mode, where they compute the same: in evaluation mode they repack their
    weights on a CPU, which takes time and fails for narrow layers.
    """
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = type(module).__module__.startswith("bitsandbytes")
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether logits agree but for rounding."""
    limit = _TOLERANCE.get(other.dtype, 1e-2) * max(1.0, float(other.abs().max()))
    return one.shape == other.shape and float((one - other).abs().max()) <= limit


def targets_of(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The positions (of the flattened batch) that predict a label, and those labels; `labels` is (batch, length)."""
    following = torch.full_like(labels, NO_LABEL)
    following[:, :-1] = labels[:, 1:]
    index = (following != NO_LABEL).flatten().nonzero().squeeze(1)
    return index, following.flatten().index_select(0, index)


def summed_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy in float32, summed over `targets` (positions) of `logits` (positions, vocabulary)."""
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
