"""Loads tokenizers and models of resolved bases: the one place where finetune, merge-lora and sample do so.

Import it inside functions: it needs the train extra. No remote code, no pickled weights, unless a `Trust` says so.
Whatever this machine makes coma replace is in `Placement.replaced`, for the caller to print and keep in its summary.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.errors import CliError, MissingInputError, UsageError, memory_named, package_blocker
from coma_cli.models.embedded import converted
from coma_cli.models.resolution import (
    NO_TRUST,
    ResolvedBase,
    Trust,
    pickled_refused,
    remote_code_refused,
    weights_missing,
)

# Read by the OpenMP library when torch is loaded. Threads that wait for one another by spinning take the cores from
# other processes and from their own partners: with 5 busy processes on two cores, SmolLM2 took 4 times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    import torch
    import transformers
    from safetensors import SafetensorError
except ImportError as error:
    raise package_blocker(error, "torch", "Loading a model") from error

# Remarks of libraries that tell a user nothing: a CPU kernel that nobody installs, a spelling that peft still uses.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)

SMALLER_MODEL = "Choose a smaller model or dtype, or end other programs; then the same command goes on."
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


@dataclass(frozen=True)
class Placement:
    """Where and in which number type a model computes; `replaced` says what was asked for and can't be had here."""

    device: str
    dtype: Any
    replaced: tuple[str, ...] = ()

    @property
    def dtype_name(self) -> str:
        """float32, bfloat16 or float16."""
        return str(self.dtype).removeprefix("torch.")


def choose_placement(device: str = "auto", dtype: str = "auto", *, training: bool = False) -> Placement:
    """The device and dtype that a request comes to on this machine.

    `auto` is the first GPU, or else the CPU. The dtype `auto` is bfloat16 on a GPU and float32 on a CPU; but for
    training, whose large products are bound by arithmetic, bfloat16 on a CPU that multiplies it (1.9 times the steps
    a second of float32 on SmolLM2, measured on two cores with AVX512_BF16).

    Raises:
        UsageError: an unknown name, or a device that is not there.
    """
    chosen = _device(device)
    if dtype != "auto" and dtype not in DTYPES:
        raise UsageError(f"Unknown dtype {dtype!r}.", f"Known: auto, {', '.join(DTYPES)}")
    if chosen == "cpu":
        automatic = torch.bfloat16 if training and _cpu_multiplies_bfloat16() else torch.float32
        return Placement(chosen, automatic if dtype == "auto" else DTYPES[dtype])
    wanted = torch.bfloat16 if dtype == "auto" else DTYPES[dtype]
    if wanted is torch.bfloat16 and not torch.cuda.is_bf16_supported(including_emulation=False):
        return Placement(chosen, torch.float16, ("bfloat16 by float16: this GPU has no bfloat16",))
    return Placement(chosen, wanted)


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16, as the kernel lists them."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _device(device: str) -> str:
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    name, _, number = device.partition(":")
    if name != "cuda" or not (number or "0").isdigit():
        raise UsageError(f"Unknown device {device!r}.", "Known: auto, cpu, cuda, cuda:N")
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise UsageError(f"There is no device {device} here.", "--set runtime.device=cpu")
    return f"cuda:{int(number or 0)}"


def model_folder(resolved: ResolvedBase) -> str:
    """What transformers loads from: a folder (embedded weights are unpacked first) or a hub id.

    Raises:
        CliError: the base's own obstacle.
    """
    if resolved.blocker is not None:
        raise resolved.blocker
    if resolved.kind == "embedded":
        return str(converted(resolved.name, Path(resolved.path_or_id)))
    return resolved.path_or_id


def load_tokenizer(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """The tokenizer of a base.

    Raises:
        MissingInputError: it can't be fetched or read. UsageError: it needs remote code.
    """
    source = model_folder(resolved)
    with _explained(resolved):
        return transformers.AutoTokenizer.from_pretrained(source, **_common(resolved, trust))


def load_model(
    resolved: ResolvedBase,
    dtype: Any = "auto",
    device: str = "auto",
    *,
    trust: Trust = NO_TRUST,
    quantization_config: Any = None,
    attention: str | None = None,
) -> Any:
    """The causal language model of a base, in evaluation mode, on its device.

    `dtype` and `device` are names as in `choose_placement`, or what it gave. `quantization_config` is handed to
    transformers, which then places the model itself.

    Raises:
        MissingInputError: weights can't be fetched or read. UsageError: it needs remote code or pickled weights.
        CliError: it does not fit into memory.
    """
    placement = choose_placement(device, dtype) if isinstance(dtype, str) else Placement(device, dtype)
    options: dict[str, Any] = {
        **_common(resolved, trust),
        "dtype": placement.dtype,
        "use_safetensors": None if trust.pickled else True,
    }
    if attention is not None:
        options["attn_implementation"] = attention
    if quantization_config is not None:
        options |= {"quantization_config": quantization_config, "device_map": {"": placement.device}}
    source = model_folder(resolved)
    with _explained(resolved):
        model, report = transformers.AutoModelForCausalLM.from_pretrained(source, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]):  # transformers would go on with random numbers
        raise weights_missing(resolved.name, missing)
    with memory_named(f"The model {resolved.name}", SMALLER_MODEL):
        return model.eval() if quantization_config is not None else model.to(placement.device).eval()


def _common(resolved: ResolvedBase, trust: Trust) -> dict[str, Any]:
    revision = {"revision": resolved.revision} if resolved.kind == "hub" and resolved.revision else {}
    return {"trust_remote_code": trust.remote_code, **revision}


@contextmanager
def _explained(resolved: ResolvedBase) -> Iterator[None]:
    """Turn what transformers raises about files into errors with a hint; silence its bars for the short local reads."""
    transformers.utils.logging.disable_progress_bar()
    try:
        with memory_named(f"The model {resolved.name}", SMALLER_MODEL):
            yield
    except (OSError, ValueError, SafetensorError) as error:
        raise _explanation(resolved, error) from error


def _explanation(resolved: ResolvedBase, error: Exception) -> CliError:
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return remote_code_refused(resolved.name)
    if "model.safetensors" in text and resolved.kind != "hub":
        return pickled_refused(resolved.name)
    if resolved.kind == "hub":
        return MissingInputError(
            f"{resolved.path_or_id} could not be fetched or read: {text[:300]}",
            "Check the network or HF_ENDPOINT, or give the folder of a copy.",
        )
    return MissingInputError(
        f"{resolved.name} can't be loaded: {text[:300]}", "Check that the folder holds a whole model."
    )


def load_config(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """The configuration of a base, without its weights.

    Raises:
        MissingInputError: it can't be fetched or read. UsageError: it needs remote code.
    """
    source = model_folder(resolved)
    with _explained(resolved):
        return transformers.AutoConfig.from_pretrained(source, **_common(resolved, trust))


def load_generation_config(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """How a base says that it is to be sampled (its end tokens, say); an empty one where it says nothing.

    Raises:
        CliError: the base's own obstacle.
    """
    source = model_folder(resolved)
    try:
        return transformers.GenerationConfig.from_pretrained(source, **_common(resolved, trust))
    except OSError:  # most folders have none
        return transformers.GenerationConfig.from_model_config(load_config(resolved, trust=trust))
