"""How many rows of embeddings an adapter belongs to: it brings its own if the vocabulary was resized for its
training."""

from typing import Any

from coma_cli.errors import UsageError
from coma_cli.jsonl import read_json
from coma_cli.models.adapters import Adapter

OUTPUT = "lm_head.weight"
# Modules with one row per token, as the models of transformers call them.
_EMBEDDINGS = ("embed_tokens", "wte", "embed_in", "word_embeddings", "lm_head", "embed_out")
_TOKENIZER = "tokenizer.json"


def resized_rows(adapter: Adapter, rows: int) -> int:
    """Rows of the embeddings after the adapter's training; `rows` are those of the base.

    peft saves embeddings as a whole if they are among `modules_to_save` or were resized.

    Raises:
        UsageError: embedding and output layer are saved with different numbers of rows.
    """
    found = {}
    for tensor, shape in adapter.shapes.items():
        name = tensor.removesuffix(".weight").removesuffix(".base_layer").removesuffix(".modules_to_save")
        if tensor.endswith(".weight") and name.rpartition(".")[2] in _EMBEDDINGS:
            found[name.rpartition(".")[2]] = shape[0]
    if len(set(found.values())) > 1:
        said = ", ".join(f"{count:,} in {name}" for name, count in found.items())
        raise UsageError(
            f"{adapter.folder} has different numbers of embeddings: {said}.",
            "Save embedding and output layer together.",
        )
    return next(iter(found.values()), rows)


def check_vocabulary(adapter: Adapter, rows: int) -> None:
    """Check that each token of the adapter's own tokenizer has an embedding.

    Raises:
        UsageError: tokens were added, and their embeddings were not saved.
    """
    path = adapter.folder / _TOKENIZER
    if not path.is_file():
        return
    content = read_json(path)
    vocabulary = (content.get("model") or {}).get("vocab")
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else []
    ids += [entry["id"] for entry in content.get("added_tokens") or ()]
    highest = max((number for number in ids if isinstance(number, int)), default=-1)
    if highest >= rows:
        raise UsageError(
            f"The tokenizer of {adapter.folder} has {highest + 1:,} tokens, its base {rows:,} rows of embeddings, and "
            "the adapter brings none.",
            "Train it again with the resized embeddings in modules_to_save, or name the base that it was trained on.",
        )


def resize(model: Any, adapter: Adapter) -> None:
    """Give a loaded base the rows of embeddings that an adapter was trained with; the adapter brings their values."""
    rows = model.get_input_embeddings().weight.shape[0]
    wanted = resized_rows(adapter, rows)
    if wanted != rows:
        model.resize_token_embeddings(wanted, mean_resizing=False)
