"""Removes benchmark problems and solutions from training rows."""
