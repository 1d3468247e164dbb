"""Qwen-7B of 2023, the base of CoMA's CoLLaMA-QW."""

from coma_cli.catalog.bases.entry import Architecture, Base

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
    template="chatml",
    lora_targets=("c_attn", "attn.c_proj", "w1", "w2", "mlp.c_proj"),
    remote_code=True,
    notes="The published checkpoint is loaded by code in its own repository.",
)
