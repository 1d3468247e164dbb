"""Resolving model names, loading models, and prices of models behind an API."""
