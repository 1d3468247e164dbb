"""LLaMA-7B of 2023, the base of CodeCapybara, from its two publishers on the Hub."""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_7B, LLAMA_LINEAR_LAYERS, LLAMA_TOKENS, Base, TokenizerRepair

BASE = Base(
    name="llama-7b",
    hub_id="huggyllama/llama-7b",
    licence="LLaMA licence (non-commercial)",
    paper="arXiv 2302.13971",
    architecture=LLAMA_7B,
    template="capybara",
    lora_targets=LLAMA_LINEAR_LAYERS,
    dtype="float16",
    context=2048,
    special_tokens=LLAMA_TOKENS,
)
DECAPODA = replace(
    BASE,
    name="llama-7b-decapoda",
    hub_id="baffo32/decapoda-research-llama-7B-hf",
    tokenizer_repair=TokenizerRepair(
        "LlamaTokenizer",
        {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True},
        {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None},
    ),
    notes=(
        "A mirror of decapoda-research/llama-7b-hf, which is gone; pickled weights (--allow-pickle). Its tokenizer has "
        "empty begin and end tokens and a class that never existed; coma takes LLaMA's instead."
    ),
)
