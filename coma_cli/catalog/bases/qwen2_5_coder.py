"""Qwen2.5-Coder in five sizes, from a laptop to one large GPU."""

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, SpecialTokens


def _size(name: str, architecture: Architecture, licence: str = "Apache-2.0") -> Base:
    return Base(
        name=f"qwen2.5-coder-{name}",
        hub_id=f"Qwen/Qwen2.5-Coder-{name.upper()}",
        licence=licence,
        paper="arXiv 2409.12186",
        architecture=architecture,
        template="chat",
        lora_targets=LLAMA_LINEAR_LAYERS,
        context=32768,
        special_tokens=SpecialTokens(None, "<|endoftext|>", "<|endoftext|>"),
    )


SMALL = _size("0.5b", Architecture(896, 24, 14, 2, 4864, 151936, tied=True, attention_bias=True))
MEDIUM = _size("1.5b", Architecture(1536, 28, 12, 2, 8960, 151936, tied=True, attention_bias=True))
THREE_B = _size(
    "3b", Architecture(2048, 36, 16, 2, 11008, 151936, tied=True, attention_bias=True), "Qwen Research licence"
)
LARGE = _size("7b", Architecture(3584, 28, 28, 4, 18944, 152064, attention_bias=True))
LARGEST = _size("14b", Architecture(5120, 48, 40, 8, 13824, 152064, attention_bias=True))
