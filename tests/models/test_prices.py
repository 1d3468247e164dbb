"""The price table: found by name and by dated snapshot, and by nothing else."""

import pytest

from coma_cli.models.prices import REMOTE_MODELS, remote_model


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("gpt-3.5-turbo", "gpt-3.5-turbo"),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("o3-mini-2025-01-31", "o3-mini"),
    ],
)
def test_names_and_snapshots(name, entry):
    assert remote_model(name) is REMOTE_MODELS[entry]


@pytest.mark.parametrize("name", ["gpt-4o-audio-preview", "gpt-3.5", "gpt-4o-mini-x", "", "qwen2.5-coder", "GPT-4"])
def test_a_price_is_never_guessed(name):
    assert remote_model(name) is None


def test_every_price_is_positive_and_answers_cost_more_than_prompts():
    assert all(0 < m.input_usd_per_mtok < m.output_usd_per_mtok for m in REMOTE_MODELS.values())
