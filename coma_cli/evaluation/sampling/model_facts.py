"""Facts about a model that matter for sampling, from its configuration without its weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.models.hub import weight_count
from coma_cli.models.resolution import ResolvedBase, Trust

BYTES_OF_DTYPE = {"float32": 4, "bfloat16": 2, "float16": 2}
MEMORY_SHARE = 0.8  # the rest is for activations, logits, and everything else on the machine
MOST_ROWS_CPU = 128  # a fifth less time per row in products than with 64 (SmolLM2, bfloat16, AMX)
MOST_ROWS_GPU = 128


@dataclass(frozen=True)
class ModelFacts:
    """Sizes of a model: context length, cached values per token and row, number of weights (None: unknown)."""

    context: int
    cache_values_per_token: int
    parameters: int | None
    end_token_ids: tuple[int, ...]

    def memory_bytes(self, rows: int, tokens: int, bytes_per_value: int) -> int:
        """Bytes for weights and cache of a batch of `rows` with a final length of `tokens`, including the prompt."""
        return bytes_per_value * ((self.parameters or 0) + rows * tokens * self.cache_values_per_token)

    def rows_that_fit(self, tokens: int, bytes_per_value: int, memory_bytes: int, most: int) -> int:
        """The largest power of two of rows, up to `most`, for which weights and cache fit in a share of the memory."""
        rows = 1
        while rows * 2 <= most and self.memory_bytes(rows * 2, tokens, bytes_per_value) <= MEMORY_SHARE * memory_bytes:
            rows *= 2
        return rows


def read_facts(resolved: ResolvedBase, trust: Trust) -> ModelFacts:
    """The facts of a model from its configuration files.

    Raises:
        CliError: they can't be read. MissingPackageError: the train extra is not installed.
    """
    from coma_cli.engines.transformers_engine import context_length
    from coma_cli.models.loading import load_config, load_generation_config

    config = load_config(resolved, trust=trust)
    text = config.get_text_config(decoder=True)
    query_heads = int(getattr(text, "num_attention_heads", 1))
    heads = int(getattr(text, "num_key_value_heads", None) or query_heads)
    size = int(getattr(text, "head_dim", None) or text.hidden_size // query_heads)
    ends = load_generation_config(resolved, trust=trust).eos_token_id
    return ModelFacts(
        context=context_length(config),
        cache_values_per_token=2 * int(text.num_hidden_layers) * heads * size,
        parameters=_parameters(resolved, text),
        end_token_ids=tuple(ends) if isinstance(ends, (list, tuple)) else () if ends is None else (ends,),
    )


def _parameters(resolved: ResolvedBase, config: Any) -> int | None:
    if resolved.entry is not None:
        return resolved.entry.architecture.parameters
    if resolved.kind == "hub":
        return weight_count(resolved.path_or_id, resolved.revision)
    if resolved.kind != "folder":
        return None
    stored = sum(path.stat().st_size for path in Path(resolved.path_or_id).glob("*.safetensors"))
    name = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return stored // BYTES_OF_DTYPE.get(name, 4) or None
