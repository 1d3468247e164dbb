"""Loads tokenizers and models of resolved bases, for finetune, merge-lora and sample.

Import it inside functions: it needs the train extra. Remote code and pickled weights are refused unless a `Trust`
allows them. What this machine does not support is replaced and listed in `Placement.replaced`, for the caller to print
and store in its summary.
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
from coma_cli.models.cpu_features import multiplies_bfloat16
from coma_cli.models.embedded import converted
from coma_cli.models.model_files import ModelFiles
from coma_cli.models.qwen import conversion as qwen
from coma_cli.models.resolution import (
    NO_TRUST,
    ResolvedBase,
    Trust,
    pickled_refused,
    remote_code_refused,
    weights_missing,
)

# Read by the OpenMP library when torch is loaded. Threads that spin while waiting take the cores from other processes
# and from each other: with 5 busy processes on two cores, SmolLM2 took 4 times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    import torch
    import transformers
    from safetensors import SafetensorError
except ImportError as error:
    raise package_blocker(error, "torch", "Loading a model") from error

from coma_cli.models.cpu_dtype import fastest_dtype  # imports torch, whose absence is explained above

# Warnings that are useless to users: a missing optional CPU kernel, a deprecated name that peft still uses.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.* is deprecated", category=FutureWarning)

# What holds the vocabulary of a tokenizer: of tokenizers, SentencePiece, GPT-2, BERT, and Qwen-7B of 2023.
TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "*.tiktoken", "tokenizer_config.json")
_OLDER_CUDA = "cu126"  # the last wheels with kernels for Pascal and Volta (sm_60, sm_61, sm_70)
SMALLER_MODEL = "Choose a smaller model or dtype, or end other programs; then rerun the same command to resume."
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
    """The device and dtype of a model; `replaced` lists requested settings that are not available here."""

    device: str
    dtype: Any
    replaced: tuple[str, ...] = ()

    @property
    def dtype_name(self) -> str:
        """float32, bfloat16 or float16."""
        return str(self.dtype).removeprefix("torch.")


def choose_placement(
    device: str = "auto", dtype: str = "auto", *, training: bool = False, measured: bool = False
) -> Placement:
    """The device and dtype to use on this machine.

    `auto` is the first GPU, else the CPU. The dtype `auto` is bfloat16 on a GPU and float32 on a CPU; but for training,
    which is compute-bound, it is bfloat16 on CPUs with instructions for it (1.9 times the steps per second of float32
    with SmolLM2, measured on two cores with AVX512_BF16). With `measured`, for sampling, it is what this CPU multiplies
    faster at this moment.

    Raises:
        UsageError: unknown name, or the device does not exist.
    """
    chosen = _device(device)
    if dtype != "auto" and dtype not in DTYPES:
        raise UsageError(f"Unknown dtype {dtype!r}.", f"Known: auto, {', '.join(DTYPES)}")
    if chosen == "cpu":
        return _on_cpu(dtype, training=training, measured=measured)
    require_kernels()
    wanted = torch.bfloat16 if dtype == "auto" else DTYPES[dtype]
    with torch.cuda.device(chosen):  # torch answers for the current GPU
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted is torch.bfloat16 and not has_bfloat16:
        return Placement(chosen, torch.float16, ("bfloat16 by float16: this GPU has no bfloat16",))
    return Placement(chosen, wanted)


def _on_cpu(dtype: str, *, training: bool, measured: bool) -> Placement:
    native = torch.bfloat16 if multiplies_bfloat16() else torch.float32
    if training and dtype in ("float16", "fp16"):
        name = str(native).removeprefix("torch.")
        return Placement("cpu", native, (f"float16 by {name}: its gradients overflow, and a CPU has no loss scaling",))
    if dtype != "auto":
        return Placement("cpu", DTYPES[dtype])
    if measured:
        return Placement("cpu", fastest_dtype())
    return Placement("cpu", native if training else torch.float32)


def require_kernels() -> None:
    """Check that this build of torch has kernels for the current GPU: its first operation would fail otherwise.

    Raises:
        UsageError: it has none. Kernels run on the same major version from their own minor version on.
    """
    major, minor = torch.cuda.get_device_capability()
    built = [name.partition("_")[2].rstrip("abcdefghijklmnopqrstuvwxyz") for name in torch.cuda.get_arch_list()]
    versions = {(int(number[:-1]), int(number[-1])) for number in built if number.isdigit() and len(number) > 1}
    if not versions or any(has[0] == major and has[1] <= minor for has in versions):
        return
    portable = [name for name in torch.cuda.get_arch_list() if name.startswith("compute_")]
    if any(int(name.removeprefix("compute_")) <= 10 * major + minor for name in portable):
        return
    raise UsageError(
        f"This torch has no kernels for {torch.cuda.get_device_name()} (sm_{major}{minor}): it was built for "
        f"{', '.join(torch.cuda.get_arch_list())}.",
        f"pip install torch --index-url https://download.pytorch.org/whl/{_OLDER_CUDA} ; or --device cpu"
        if (major, minor) < min(versions)
        else "Install a later torch; or --device cpu",
    )


def _device(device: str) -> str:
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    name, _, number = device.partition(":")
    if name != "cuda" or not (number or "0").isdigit():
        raise UsageError(f"Unknown device {device!r}.", "Known: auto, cpu, cuda, cuda:N")
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise UsageError(f"The device {device} does not exist here.", "--set runtime.device=cpu")
    return f"cuda:{int(number or 0)}"


def model_folder(resolved: ResolvedBase, *, weights: bool = True) -> str:
    """What transformers loads: a folder (embedded weights and a Qwen of 2023 are converted first) or a Hub id.

    Without `weights`, a folder with the configuration and the tokenizer is enough.

    Raises:
        CliError: the base's blocker, or what is wrong with the files to convert.
    """
    if resolved.blocker is not None:
        raise resolved.blocker
    if resolved.kind == "embedded":
        return str(converted(resolved.name, Path(resolved.path_or_id)))
    original = _qwen_of_2023(resolved)
    if original is None:
        return resolved.path_or_id
    make = qwen.converted if weights else qwen.prepared
    return str(make(original, resolved.content_sha256, resolved.subject))


def _qwen_of_2023(resolved: ResolvedBase) -> ModelFiles | None:
    """The files to convert if the base is a Qwen of 2023, whether the catalogue knows it or not."""
    files = ModelFiles.at(resolved.name, resolved.path_or_id, resolved.revision)
    with _explained(resolved):
        return files if qwen.is_original(files.json("config.json")) else None


def load_tokenizer(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """The tokenizer of a base.

    Raises:
        MissingInputError: it can't be downloaded or read. UsageError: it needs remote code.
    """
    source = model_folder(resolved, weights=False)
    folder = Path(source)
    if folder.is_dir() and not any(hit for pattern in TOKENIZER_FILES for hit in folder.glob(pattern)):
        raise MissingInputError(
            f"{resolved.name} has no tokenizer: none of {', '.join(TOKENIZER_FILES)}.",
            "Copy the tokenizer's files from the model's base into the folder.",
        )
    repair = resolved.entry.tokenizer_repair if resolved.entry else None
    with _explained(resolved):
        if repair is None:
            return transformers.AutoTokenizer.from_pretrained(source, **_common(resolved, trust))
        kind = getattr(transformers, repair.class_name)
        return kind.from_pretrained(source, **repair.settings, **_common(resolved, trust))


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

    `dtype` and `device` are names as in `choose_placement`, or its result. `quantization_config` is passed to
    transformers, which then places the model itself.

    Raises:
        MissingInputError: weights can't be downloaded or read. UsageError: it needs remote code or pickled weights.
        CliError: it does not fit in memory.
    """
    placement = choose_placement(device, dtype) if isinstance(dtype, str) else Placement(device, dtype)
    if placement.device.startswith("cuda"):
        torch.cuda.set_device(placement.device)  # kernels of other libraries run on the current GPU
    options: dict[str, Any] = {
        **_common(resolved, trust),
        "dtype": placement.dtype,
        "use_safetensors": None if trust.pickled else True,
    }
    if attention is not None:
        options["attn_implementation"] = attention
    if placement.device != "cpu" or quantization_config is not None:  # shard by shard, not by way of the host's memory
        options["device_map"] = {"": placement.device}
    if quantization_config is not None:
        options["quantization_config"] = quantization_config
    source = model_folder(resolved)
    with _explained(resolved):
        model, report = transformers.AutoModelForCausalLM.from_pretrained(source, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]):  # transformers would continue with random weights
        raise weights_missing(resolved.name, missing)
    for config in (model.config, model.generation_config):
        _repaired(resolved, config)
    with memory_named(f"The model {resolved.name}", SMALLER_MODEL):
        return model.eval() if quantization_config is not None else model.to(placement.device).eval()


def _common(resolved: ResolvedBase, trust: Trust) -> dict[str, Any]:
    revision = {"revision": resolved.revision} if resolved.kind == "hub" and resolved.revision else {}
    return {"trust_remote_code": trust.remote_code, **revision}


@contextmanager
def _explained(resolved: ResolvedBase) -> Iterator[None]:
    """Turn file errors of transformers into errors with a hint; hide progress bars for short local reads."""
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
            f"{resolved.path_or_id} could not be downloaded or read: {text[:300]}",
            "Check the network or HF_ENDPOINT, or give a local folder.",
        )
    return MissingInputError(
        f"{resolved.name} can't be loaded: {text[:300]}", "Check that the folder contains a complete model."
    )


def load_config(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """The configuration of a base, without its weights.

    Raises:
        MissingInputError: it can't be downloaded or read. UsageError: it needs remote code.
    """
    source = model_folder(resolved, weights=False)
    with _explained(resolved):
        return _repaired(resolved, transformers.AutoConfig.from_pretrained(source, **_common(resolved, trust)))


def _repaired(resolved: ResolvedBase, config: Any) -> Any:
    """A configuration with the ids of the special tokens that the catalogue says are the right ones."""
    repair = resolved.entry.tokenizer_repair if resolved.entry else None
    for name, value in repair.ids.items() if repair and config is not None else ():
        setattr(config, name, value)
    return config


def load_generation_config(resolved: ResolvedBase, *, trust: Trust = NO_TRUST) -> Any:
    """The generation configuration of a base (its end tokens, for example); empty if it has none.

    Raises:
        CliError: the base's blocker.
    """
    source = model_folder(resolved, weights=False)
    try:
        return _repaired(resolved, transformers.GenerationConfig.from_pretrained(source, **_common(resolved, trust)))
    except OSError:  # most folders have none
        return transformers.GenerationConfig.from_model_config(load_config(resolved, trust=trust))
