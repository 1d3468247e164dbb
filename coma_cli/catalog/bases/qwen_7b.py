"""Qwen-7B of 2023, the base of CoMA's CoLLaMA-QW: version 1.1 and the original release.

Both are converted to Qwen2 before they are loaded. There, query, key and value are layers of their own, so LoRA of
rank 64 has 159,907,840 parameters instead of the 143,130,624 of the fused layout.
"""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_LINEAR_LAYERS, Architecture, Base, SpecialTokens

BASE = Base(
    name="qwen-7b",
    hub_id="Qwen/Qwen-7B",
    licence="Tongyi Qianwen licence agreement",
    paper="arXiv 2309.16609",
    # `intermediate_size` in its configuration is 22016; each of w1 and w2 is half of it.
    architecture=Architecture(
        hidden=4096,
        layers=32,
        heads=32,
        kv_heads=32,
        intermediate=11008,
        vocabulary=151936,
        attention_bias=True,
    ),
    template="firefly",
    lora_targets=LLAMA_LINEAR_LAYERS,
    layout="qwen",
    context=8192,
    special_tokens=SpecialTokens(None, "<|endoftext|>", "<|endoftext|>"),
    notes="Version 1.1, converted to Qwen2 in coma's cache once; no code of its repository is run.",
)
ORIGINAL = replace(
    BASE,
    name="qwen-7b-original",
    context=2048,
    revision="e7ecd2aabf8581570c47387b022e17a501bdb8b2",
    notes="The release of August 2023, which CoMA tuned; its weights are pickled and read without running code.",
)
