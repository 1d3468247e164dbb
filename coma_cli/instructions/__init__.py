"""Generates instruction rows with a language model."""
