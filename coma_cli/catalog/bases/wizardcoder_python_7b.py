"""WizardCoder-Python-7B, the base of CoMA's CoLLaMA-WP."""

from dataclasses import replace

from coma_cli.catalog.bases.entry import LLAMA_7B, LLAMA_LINEAR_LAYERS, Base

BASE = Base(
    name="wizardcoder-python-7b",
    hub_id="WizardLMTeam/WizardCoder-Python-7B-V1.0",
    licence="Llama 2 community licence",
    paper="arXiv 2306.08568",
    architecture=replace(LLAMA_7B, vocabulary=32001),
    template="alpaca",
    lora_targets=LLAMA_LINEAR_LAYERS,
    dtype="float16",
    notes="Its published prompt is the Alpaca prompt without an input.",
)
