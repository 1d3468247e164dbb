"""Code Llama 7B Python, the base of CoMA's CoLLaMA-CP."""

from coma_cli.catalog.bases.entry import LLAMA_7B, LLAMA_LINEAR_LAYERS, LLAMA_TOKENS, Base

BASE = Base(
    name="codellama-7b-python",
    hub_id="codellama/CodeLlama-7b-Python-hf",
    licence="Llama 2 community licence",
    paper="arXiv 2308.12950",
    architecture=LLAMA_7B,
    template="alpaca",
    lora_targets=LLAMA_LINEAR_LAYERS,
    context=16384,
    special_tokens=LLAMA_TOKENS,
)
