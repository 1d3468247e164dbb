"""DeepSeek-Coder's base models, of the architecture of LLaMA."""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, SpecialTokens

LARGE = Base(
    name="deepseek-coder-6.7b",
    hub_id="deepseek-ai/deepseek-coder-6.7b-base",
    licence="DeepSeek licence",
    paper="arXiv 2401.14196",
    architecture=Architecture(4096, 32, 32, 32, 11008, 32256),
    template="alpaca",
    lora_targets=LLAMA_LINEAR_LAYERS,
    context=16384,
    special_tokens=SpecialTokens("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
)
SMALL = replace(
    LARGE,
    name="deepseek-coder-1.3b",
    hub_id="deepseek-ai/deepseek-coder-1.3b-base",
    architecture=Architecture(2048, 24, 16, 16, 5504, 32256),
    revision="refs/pr/3",  # its main has pickled weights only; seen as commit 5c35001
    notes="Its main has pickled weights; the pull request that holds them as safetensors is read.",
)
