"""Explains why samples fail."""
