"""Weights that are sharded over processes (FSDP2, `torch.distributed.fsdp.fully_shard`): each keeps its part of them.

Import it inside functions: it needs the train extra.

In full tuning all weights are sharded, and with them gradients and moments. With an adapter the frozen base is
sharded; the adapter's matrices are small and stay whole in each process. What is saved is gathered first, so
checkpoints are those of one process and are continued with any number of them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from coma_cli.errors import CliError
from coma_cli.training.distributed.team import Team
from coma_cli.training.loss import causal_model


def shard(model: Any, team: Team, device: str) -> None:
    """Shard the weights of a model over a team, in place; each has to call it with the same whole weights.

    The blocks are gathered one at a time during a pass. Trainable weights beside frozen ones stay whole.
    """
    inner = causal_model(model)
    mesh = init_device_mesh(torch.device(device).type, (team.size,))
    frozen = any(not weight.requires_grad for weight in inner.parameters())
    _expose_four_bits(inner)
    options: dict[str, Any] = {"mesh": mesh, "reshard_after_forward": True}
    if frozen:
        options["ignored_params"] = {weight for weight in inner.parameters() if weight.requires_grad}
    for block in _blocks(inner):
        fully_shard(block, **options)
    fully_shard(inner, **options)


def _blocks(model: Any) -> list[Any]:
    names = set(getattr(model, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def _expose_four_bits(model: Any) -> None:
    """Store weights of four bits as plain tensors: bitsandbytes then takes their constants from the layer."""
    for layer in model.modules():
        weight = layer._parameters.get("weight")  # an adapted layer names its base's weight too
        if type(weight).__name__ == "Params4bit":
            layer.quant_state = weight.quant_state
            plain = torch.empty(0, dtype=weight.dtype, device=weight.device).set_(weight.data.detach())
            layer.weight = torch.nn.Parameter(plain, requires_grad=False)


def is_sharded(model: Any) -> bool:
    """Whether weights of a model are sharded."""
    return any(isinstance(weight, DTensor) for weight in model.parameters())


def is_trained_sharded(model: Any) -> bool:
    """Whether weights that are trained are sharded, as in full tuning; an adapter's are whole."""
    return any(isinstance(weight, DTensor) and weight.requires_grad for weight in model.parameters())


def whole(value: Any) -> Any:
    """A tensor gathered from all processes, on the CPU; anything else as it is. Each process has to call it."""
    if isinstance(value, DTensor):
        return value.full_tensor().detach().cpu()
    return value


def whole_weights(model: Any, *, keep: bool) -> dict[str, Any]:
    """All weights by name, those of tied layers once; gathered one at a time, and kept where `keep` is set."""
    found = ((name, whole(weight)) for name, weight in model.named_parameters())
    return _kept(found, keep=keep)


def _kept(found: Iterator[tuple[str, Any]], *, keep: bool) -> dict[str, Any]:
    kept = {}
    for name, value in found:
        if keep:
            kept[name] = value
    return kept


def whole_state(state: Mapping[str, Any], *, keep: bool) -> dict[str, Any]:
    """The state of an optimizer as one process has it; empty where `keep` is not set. Each process has to call it."""
    moments = {
        number: _kept(((k, whole(v)) for k, v in of.items()), keep=keep) for number, of in state["state"].items()
    }
    return {"state": moments, "param_groups": state["param_groups"]} if keep else {}


def part_of(value: torch.Tensor, like: Any) -> Any:
    """The part that this process has of a whole tensor that is sharded like another one; nothing is sent."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    there = value.to(like.to_local().device)
    return distribute_tensor(there, like.device_mesh, like.placements, src_data_rank=None)


def parts_of_state(state: Mapping[str, Any], optimizer: Any) -> dict[str, Any]:
    """The part that this process has of the state of an optimizer."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    of = dict(zip(numbers, weights, strict=True))
    parts = {
        number: {k: part_of(v, of[number]) if torch.is_tensor(v) else v for k, v in moments.items()}
        for number, moments in state["state"].items()
    }
    return {**state, "state": parts}


def load_weights(folder: Path, model: Any) -> None:
    """Give each weight its part of what a checkpoint holds.

    Raises:
        CliError: the checkpoint lacks a weight.
    """
    missing = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in _stored(folder):
            if (weight := missing.pop(name, None)) is not None:
                weight.copy_(part_of(value.to(weight.dtype), weight))
    if missing:
        raise CliError(
            f"{folder} lacks {', '.join(list(missing)[:3])}.", "Remove that folder: an earlier one is taken."
        )


def difference(folder: Path, model: Any) -> str | None:
    """The name of a weight of which a checkpoint holds other values than this process, or none; None if all agree."""
    missing = dict(model.named_parameters())
    for name, value in _stored(folder):
        weight = missing.pop(name, None)
        if weight is not None and not torch.equal(_local(part_of(value.to(weight.dtype), weight)), _local(weight)):
            return name
    return next(iter(missing), None)


def _local(value: Any) -> Any:
    return (value.to_local() if isinstance(value, DTensor) else value).detach().cpu()


def _stored(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a checkpoint, one at a time."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # it is not a mapping
                yield name, file.get_tensor(name)
