"""WizardCoder-Python-7B, the base of CoMA's CoLLaMA-WP."""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_7B, LLAMA_LINEAR_LAYERS, Base, SpecialTokens

BASE = Base(
    name="wizardcoder-python-7b",
    hub_id="vanillaOVO/WizardCoder-Python-7B-V1.0",
    licence="Llama 2 community licence",
    paper="arXiv 2306.08568",
    architecture=replace(LLAMA_7B, vocabulary=32001),
    template="alpaca",
    lora_targets=LLAMA_LINEAR_LAYERS,
    revision="refs/pr/1",  # its main has pickled weights only; seen as commit 10b5af0
    dtype="float16",
    context=16384,
    special_tokens=SpecialTokens("<s>", "</s>", "[PAD]"),
    notes=(
        "A mirror: its authors' organisation, WizardLMTeam, removed the 7B model in April 2024. Its published prompt "
        "is the Alpaca prompt without an input."
    ),
)
