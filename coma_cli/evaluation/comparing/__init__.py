"""Scored runs of one benchmark: how they differ, whether that is shown, and whether they may be compared at all."""
