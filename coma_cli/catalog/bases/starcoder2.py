"""StarCoder2 of BigCode: a plain MLP of two layers, and a bias in every linear layer and norm."""

from coma_cli.catalog.bases.entry import Architecture, Base, SpecialTokens

_LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj")


def _size(name: str, hidden: int, layers: int, heads: int, kv_heads: int) -> Base:
    return Base(
        name=f"starcoder2-{name}",
        hub_id=f"bigcode/starcoder2-{name}",
        licence="BigCode OpenRAIL-M v1",
        paper="arXiv 2402.19173",
        architecture=Architecture(
            hidden, layers, heads, kv_heads, 4 * hidden, 49152, tied=True, gated=False, biased=True
        ),
        template="alpaca",
        lora_targets=_LINEAR_LAYERS,
        context=16384,
        special_tokens=SpecialTokens("<|endoftext|>", "<|endoftext|>"),
        notes="Published in float32: twice the download of its size in bfloat16.",
    )


SMALL = _size("3b", 3072, 30, 24, 2)
MEDIUM = _size("7b", 4608, 32, 36, 4)
