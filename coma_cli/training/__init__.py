"""Tunes models and merges adapters."""
