"""Keeps training rows away from benchmarks."""
