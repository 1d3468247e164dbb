"""A configuration of DeepSpeed, which is passed on to it: checked against what coma's settings decide.

Source: DeepSpeed's configuration JSON (deepspeed.ai/docs/config-json) and transformers' integration of it, which fills
in the values "auto".
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coma_cli.errors import CliError, MissingInputError, MissingPackageError, UsageError

AUTO = "auto"
# What the settings of finetune decide, and which of them.
_DECIDED = {
    "train_batch_size": "batch.size and batch.accumulation",
    "train_micro_batch_size_per_gpu": "batch.size",
    "gradient_accumulation_steps": "batch.accumulation",
    "gradient_clipping": "optimizer.max_grad_norm",
    "fp16.enabled": "dtype",
    "bf16.enabled": "dtype",
}
_OWN = ("optimizer", "scheduler")
_GATHER = "stage3_gather_16bit_weights_on_model_save"


def read_deepspeed(path: Path) -> dict[str, Any]:
    """The configuration in a JSON file; what the settings decide is added as "auto" where it is missing.

    Raises:
        MissingInputError: there is no such file. UsageError: it is not a configuration, or contradicts the settings.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}.", "Check --deepspeed.") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", "--deepspeed takes a configuration of DeepSpeed.") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is not a JSON object.", "--deepspeed takes a configuration of DeepSpeed.")
    for message, hint in _faults(path, content):
        raise UsageError(message, hint)
    sizes = dict.fromkeys((name for name in _DECIDED if "." not in name), AUTO)
    precision = {name: {"enabled": AUTO, **content.get(name, {})} for name in ("fp16", "bf16")}
    return {**sizes, **content, **precision}


def _faults(path: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, setting in _DECIDED.items():
        if (value := _value(content, name)) not in (None, AUTO):
            yield f"{path} sets {name} to {value}, which {setting} decides.", f'Set {name} to "auto", or remove it.'
    for name in _OWN:
        if name in content:
            yield f"{path} has its own {name}; coma's settings decide it.", f"Remove {name} from the file."
    zero = content.get("zero_optimization")
    stage = zero.get("stage") if isinstance(zero, dict) else None
    if stage == 3 and not (isinstance(zero, dict) and zero.get(_GATHER) is True):
        yield (
            f"{path} shards the weights (stage 3) and does not gather them to be saved.",
            f"Set zero_optimization.{_GATHER} to true.",
        )


def _value(content: Mapping[str, Any], dotted: str) -> Any:
    found: Any = content
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def blockers(path: Path) -> list[CliError]:
    """What keeps DeepSpeed from being used with this file."""
    found: list[CliError] = []
    if importlib.util.find_spec("deepspeed") is None:
        found.append(
            MissingPackageError(
                "--deepspeed needs the package deepspeed, which is not installed.", "pip install deepspeed"
            )
        )
    try:
        read_deepspeed(path)
    except CliError as error:
        found.append(error)
    return found
