"""LLaMA-7B of 2023, the base of CodeCapybara."""

from coma_cli.catalog.bases.entry import LLAMA_7B, LLAMA_LINEAR_LAYERS, Base

BASE = Base(
    name="llama-7b",
    hub_id="huggyllama/llama-7b",
    licence="LLaMA licence (non-commercial)",
    paper="arXiv 2302.13971",
    architecture=LLAMA_7B,
    template="capybara",
    lora_targets=LLAMA_LINEAR_LAYERS,
    dtype="float16",
)
