"""Qwen3's small base models; queries and keys are normalized, and heads are wider than hidden / heads."""

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, SpecialTokens


def _size(name: str, hidden: int, layers: int, heads: int, intermediate: int) -> Base:
    return Base(
        name=f"qwen3-{name}",
        hub_id=f"Qwen/Qwen3-{name.upper()}-Base",
        licence="Apache-2.0",
        paper="arXiv 2505.09388",
        architecture=Architecture(
            hidden, layers, heads, 8, intermediate, 151936, tied=True, head_width=128, head_norms=True
        ),
        template="chat",
        lora_targets=LLAMA_LINEAR_LAYERS,
        context=32768,
        special_tokens=SpecialTokens(None, "<|endoftext|>", "<|endoftext|>"),
    )


SMALL = _size("0.6b", 1024, 28, 16, 3072)
MEDIUM = _size("1.7b", 2048, 28, 16, 6144)
LARGE = _size("4b", 2560, 36, 32, 9728)
