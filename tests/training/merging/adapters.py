"""Random adapters of all kinds, saved by peft, and what they compute before and after a merge."""

from pathlib import Path

from coma_cli.models.adapters import read_adapter
from coma_cli.models.resolution import NO_TRUST, resolve_base


def shake(model, by: float) -> None:
    """Move all parameters that can be trained: LoRA's B is zero at first."""
    import torch

    torch.manual_seed(4)
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * by)


def make_adapter(base: Path, folder: Path, *, rows: int | None = None, **options) -> Path:
    """A random adapter for the model in a folder, saved by peft; with `rows` the embeddings are resized before."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if rows is not None:
        model.resize_token_embeddings(rows)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, **options)
    adapted = peft.get_peft_model(model, config)
    shake(adapted, 0.1)
    adapted.save_pretrained(folder)
    return folder


def merged_by_coma(base: Path, adapter: Path, into: Path, dtype: str = "float32") -> Path:
    """The folder of the merged model."""
    from coma_cli.models.loading import load_config, load_tokenizer
    from coma_cli.training.merging.base_files import base_files
    from coma_cli.training.merging.merge import write_description, write_weights
    from coma_cli.training.merging.skeleton import build

    into.mkdir()
    resolved = resolve_base(str(base))
    skeleton = build(read_adapter(adapter), load_config(resolved), trust_remote_code=False, rounding=None)
    write_weights(skeleton, base_files(resolved), dtype, into)
    write_description(skeleton, resolved, NO_TRUST, dtype, load_tokenizer(resolved), None, adapter, into)
    return into


def logits_of_both(base: Path, adapter: Path, merged: Path, rows: int | None = None):
    """Logits (1, positions, vocabulary) of peft's model, not merged, and of the merged one as transformers reads it."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if rows is not None:
        model.resize_token_embeddings(rows)
    adapted = peft.PeftModel.from_pretrained(model, adapter).eval()
    read, report = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    ids = torch.arange(3, 80)[None]
    with torch.inference_mode():
        return adapted(ids).logits, read(ids).logits
