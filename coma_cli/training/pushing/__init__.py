"""Adapters and models on the Hugging Face Hub: where they come from, their card, their results, and the push."""
