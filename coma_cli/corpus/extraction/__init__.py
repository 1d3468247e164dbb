"""Extracts the program to run from a model's completion."""
