"""Qwen2.5-Coder in three sizes, for a laptop, a workstation and one large GPU."""

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base


def _size(name: str, architecture: Architecture) -> Base:
    return Base(
        name=f"qwen2.5-coder-{name}",
        hub_id=f"Qwen/Qwen2.5-Coder-{name.upper()}",
        licence="Apache-2.0",
        paper="arXiv 2409.12186",
        architecture=architecture,
        template="chat",
        lora_targets=LLAMA_LINEAR_LAYERS,
    )


SMALL = _size("0.5b", Architecture(896, 24, 14, 2, 4864, 151936, tied=True, attention_bias=True))
MEDIUM = _size("1.5b", Architecture(1536, 28, 12, 2, 8960, 151936, tied=True, attention_bias=True))
LARGE = _size("7b", Architecture(3584, 28, 28, 4, 18944, 152064, attention_bias=True))
